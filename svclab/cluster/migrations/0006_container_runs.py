from django.db import migrations, models


def move_logs(apps, schema_editor):
    """What programs had printed, each line behind a time, as logs are kept from now on."""
    log, run = (apps.get_model('cluster', name) for name in ('ContainerLog', 'ContainerRun'))
    for old in log.objects.select_related('cluster').iterator():
        stamp = old.cluster.settled_at.isoformat(timespec='microseconds')
        text = ''.join(f'{stamp} {line}\n' for line in old.text.split('\n') if line)
        key = {'cluster_id': old.cluster_id, 'pod_uid': old.pod_uid, 'container': old.container, 'run': old.run}
        run.objects.update_or_create(**key, defaults={'text': text})


class Migration(migrations.Migration):

    dependencies = [
        ('cluster', '0005_container_starts'),
    ]

    operations = [
        migrations.RemoveConstraint(model_name='containerstart', name='one_start_per_container_run'),
        migrations.RenameModel(old_name='ContainerStart', new_name='ContainerRun'),
        migrations.AlterField(model_name='containerrun', name='services', field=models.TextField(default='[]')),
        migrations.AddField(model_name='containerrun', name='text', field=models.TextField(blank=True, default=''), preserve_default=False),
        migrations.AddField(model_name='containerrun', name='holder', field=models.CharField(blank=True, default='', max_length=32), preserve_default=False),
        migrations.AddField(model_name='containerrun', name='held_until', field=models.DateTimeField(null=True)),
        migrations.AddConstraint(
            model_name='containerrun',
            constraint=models.UniqueConstraint(fields=('cluster', 'pod_uid', 'container', 'run'), name='one_row_per_container_run'),
        ),
        migrations.RunPython(move_logs, migrations.RunPython.noop, elidable=True),
        migrations.DeleteModel(name='ContainerLog'),
    ]
