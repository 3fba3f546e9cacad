"""What a learner has reached: green lamps and the predictions she committed to. Survives reload and reset."""

from django.db import models


class GreenLamp(models.Model):
    """A check that held once for this learner."""

    learner = models.CharField(max_length=64)
    lesson = models.CharField(max_length=64)
    check_id = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["learner", "lesson", "check_id"], name="one_lamp_per_check")
        ]

    def __str__(self) -> str:
        return f"{self.lesson}/{self.check_id} of {self.learner}"


class Prediction(models.Model):
    """The option a learner chose before the first run; it cannot be changed afterwards."""

    learner = models.CharField(max_length=64)
    lesson = models.CharField(max_length=64)
    step = models.CharField(max_length=64)
    choice = models.PositiveSmallIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["learner", "lesson", "step"], name="one_prediction_per_step")
        ]

    def __str__(self) -> str:
        return f"{self.lesson}/{self.step}: {self.choice} of {self.learner}"
