"""What a learner has begun and reached, and the predictions she committed to. Survives reload and reset."""

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


class Beginning(models.Model):
    """The moment at which a learner first had a lesson's start before her: requests count from there on."""

    learner = models.CharField(max_length=64)
    lesson = models.CharField(max_length=64)
    after_trace = models.PositiveBigIntegerField()  # number of the cluster's latest request then
    kept = models.JSONField(default=dict)  # uids of the objects that must stay, by "Kind/namespace/name"
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["learner", "lesson"], name="one_beginning_per_lesson")]

    def __str__(self) -> str:
        return f"{self.lesson} of {self.learner}"
