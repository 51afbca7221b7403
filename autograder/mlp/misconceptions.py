from cnn_assignment.misconceptions import Misconception
MISCONCEPTIONS = []
