"""`ModelTrainer.from_recipe`: what of a recipe can be told without fetching it from GitHub (sagemaker-train 1.x)."""

from __future__ import annotations

from collections.abc import Mapping

from planform.migrate.drafts import Taken, named
from planform.migrate.values import Made, Unknown, Value

ADAPTER = "sagemaker-hyperpod-training-adapter-for-nemo"
FILE = "recipe.yaml"  # how the SDK calls it beside the code

# Model of a recipe -> the folder of its code in the adapter, and its script.
SCRIPTS: Mapping[str, str] = {
    "llama": "llama_pretrain.py",
    "mistral": "mistral_pretrain.py",
    "mixtral": "mixtral_pretrain.py",
    "deepseek": "deepseek_pretrain.py",
}


def is_followed(recipe: Value) -> bool:
    """Whether a trainer can be written for a recipe; jobs of Nova models are of another kind."""
    return isinstance(recipe, str) and "nova" not in recipe.lower()


def recipe(taken: Taken) -> None:
    """The code, the driver and the arguments that a recipe stands for; where they come from are variables."""
    name, image, requirements = taken.get("training_recipe"), taken.get("training_image"), taken.get("requirements")
    draft, place = taken.draft, taken.place
    compute = taken.args.get("compute")
    kind = compute.get("instance_type") if isinstance(compute, Made) else None
    model = next((model for model in SCRIPTS if f"/{model}" in f"/{name}"), "")
    if isinstance(kind, str) and kind.startswith("ml.trn"):
        folder, script = "examples of neuronx-distributed-training", "training_orchestrator.py"
    else:
        folder, script = f"examples/{model or '<model>'} of {ADAPTER}", SCRIPTS.get(model, "")
    told = f"{folder}, with the recipe {name} beside the code as {FILE}"
    draft.put(
        ("training_image",), named(image, "training_image") or Unknown("training_image", f"the image of {name}", place)
    )
    draft.put(("source_code", "source_dir"), Unknown("recipe_code", told, place))
    draft.put(("source_code", "entry_script"), script or Unknown("entry_script", f"the script of {name}", place))
    draft.put(("source_code", "requirements"), named(requirements, "requirements"))
    draft.put(("distributed", "torchrun"), {})
    values = taken.args.get("hyperparameters")
    if isinstance(values, dict | None):
        taken.args["hyperparameters"] = {"config-path": ".", "config-name": FILE, **(values or {})}
    taken.refuse({"recipe_overrides": f"write them into {FILE}"})
