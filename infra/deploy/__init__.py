"""What it takes to put the product somewhere: the model folder, packages, templates."""
