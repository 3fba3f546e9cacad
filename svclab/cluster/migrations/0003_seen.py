"""When somebody last used a cluster: of those that are there already, now."""

from django.db import migrations, models

import svclab.cluster.clock


class Migration(migrations.Migration):
    dependencies = [("cluster", "0002_mode_of_each_node")]

    operations = [
        migrations.AddField(
            "cluster",
            "seen_at",
            models.DateTimeField(db_index=True, default=svclab.cluster.clock.real_now),
        ),
    ]
