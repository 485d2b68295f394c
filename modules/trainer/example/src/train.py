import os

epochs, rate = int(os.environ["SM_HP_EPOCHS"]), float(os.environ["SM_HP_LEARNING_RATE"])
for epoch in range(epochs):
    print(f"epoch {epoch} acc={1 - 0.5 * (1 - rate) ** epoch:.3f}")
