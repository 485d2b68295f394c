import torch
import torch.distributed as group

group.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
value = torch.ones(1, device="cuda" if torch.cuda.is_available() else "cpu")
group.all_reduce(value)  # as many as there are processes
print(f"sum={value.item():.0f}")
group.destroy_process_group()
