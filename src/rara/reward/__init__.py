"""One number for how original and faithful a sample is, with gradients: to steer a generator by.

    neighbours of samples --formula--> terms --RewardScale--> reward: 0 is a typical real image

docs/explanation/reward.md derives it. From the ground up:

    formula     the terms, from distances to the nearest reference images; numpy or torch
    scale       what real images have of each term, leave-one-out
    rewards     the reward of vectors against one reference
"""
