METRICS = []
def get_inputs(): return {}
