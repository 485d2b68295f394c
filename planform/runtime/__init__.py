"""What runs beside user code, in every executor alike. It is copied next to that code and needs Python 3.7 only.

`train.py` is the program; the job's folder is SAGEMAKER_BASE_DIR, else /opt/ml.
"""
