"""Helpers of the AlexNet course: what the notebooks would otherwise have to explain more than once."""

from .augmentation import PCALighting, RandomCrop, RandomFlip, principal_colours
from .checkpoints import CheckpointError, History
from .comparing import best_arm, compare, difference, summary, time_verdict, timed_turns, tune, tuned, verdict
from .counting import connections, layer_table
from .data import CLASSES, Batches, load_fashion_mnist
from .exercises import check_exercise
from .figures import use_course_style
from .filters import fit_gabor
from .inspection import dead_units, layer_flow, layer_seconds, memory_table, saved_bytes, with_commas
from .ledger import check_claims, facts
from .models import (
    alexnet,
    alexnet_2012_code,
    alexnet_paper,
    alexnet_torchvision,
    alexnet_two_towers,
    caffenet,
    lenet,
    lenet5_1998,
    small_alexnet,
    xavier_init,
)
from .profiles import Profile, profile
from .recorded import load_filters, load_record, pretrained_filters
from .spots import photo_spots, public_photos, spot_network
from .training import LossNotFiniteError, evaluate, fit

__all__ = ["Batches", "CLASSES", "CheckpointError", "History", "LossNotFiniteError", "PCALighting", "Profile",
           "RandomCrop", "RandomFlip", "alexnet", "alexnet_2012_code", "alexnet_paper", "alexnet_torchvision",
           "alexnet_two_towers", "best_arm", "caffenet", "check_claims", "check_exercise", "compare",
           "connections", "dead_units", "difference", "evaluate", "facts", "fit", "fit_gabor", "layer_flow",
           "layer_seconds", "layer_table", "lenet", "lenet5_1998", "load_fashion_mnist", "load_filters", "load_record",
           "memory_table", "photo_spots", "pretrained_filters", "principal_colours", "profile", "public_photos",
           "saved_bytes", "small_alexnet", "spot_network", "summary", "time_verdict", "timed_turns", "tune", "tuned",
           "use_course_style", "verdict", "with_commas", "xavier_init"]
