"""The trial of a variant: a few steps, what they show, and the comparison with its parent.

trial.py     the child's program
steps.py     a few training steps of one file, watched
paths.py     whether the loss trains what encode, decode and skip compute
latents.py   what the evaluator refuses: negative latents, mixed rows, a nonlinear decoder
planted.py   the activations, the same in every check
seeds.py     weights that start the same with every seed
methods.py   methods that nothing calls
"""
