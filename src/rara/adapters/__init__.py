"""rara in the shape that other ecosystems expect, one file each.

Each file needs its ecosystem only when it is imported. Here alone the two sides may be called
real and fake, as the peers call them.

    pixels          batches of images as PyTorch holds them
    rewarding       images as trainers hold them, rewarded
    evaluating      a module of PyTorch while it samples, and while it is watched
    prdc            precision, recall, density and coverage as the package prdc gives them
    pyod            an outlier detector by PyOD's conventions; PyOD is not needed
    scikit_learn    an outlier detector for scikit-learn
    torchmetrics    a metric for torchmetrics
    lightning       callbacks for Lightning
    transformers    a callback for the Trainer of Hugging Face
    flow_grpo       the reward as Flow-GRPO calls it
    verl            the reward as verl calls it
    diffusers       the reward inside a pipeline of diffusers
"""
