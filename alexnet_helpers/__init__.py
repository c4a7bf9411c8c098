"""Helpers of the AlexNet course: what the notebooks would otherwise have to explain more than once."""

from .claims import check_claim
from .data import CLASSES, Batches, load_fashion_mnist
from .exercises import check_exercise
from .inspection import layer_table, with_commas
from .models import alexnet, lenet, xavier_init
from .plots import use_course_style
from .training import History, Profile, evaluate, fit, profile

__all__ = ["CLASSES", "Batches", "History", "Profile", "alexnet", "check_claim", "check_exercise", "evaluate", "fit",
           "layer_table", "lenet", "load_fashion_mnist", "profile", "use_course_style", "with_commas", "xavier_init"]
