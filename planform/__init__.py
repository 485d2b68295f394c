"""Plan, review and run machine-learning training the way Terraform plans infrastructure."""

__version__ = "0.1.0"
