"""What runs the house: command line, local runtime, migrations, workflows, deployment."""
