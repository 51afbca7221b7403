"""Mistakes that students make in this assignment: an edit of the solution each, and what a student is told of it.

Every entry must lose marks in its own task and in no other; `cnn-assignment verify mlp` proves it. A sentence says first
what the values show and then where to look. It never says what to write.

An edit's old text stands exactly once in solutions/mlp.py. The pieces that several edits replace have names here.
"""

from __future__ import annotations

from cnn_assignment.misconceptions import Misconception

SUMS = "x @ self.weights + self.biases"
LINEAR_X = 'x = cache["x"]\n        ### BEGIN SOLUTION linear-backward'
GATE = 'grad_x = grad_output * (cache["x"] > 0)'
SCORES = "scores = np.exp(logits - logits.max(axis=1, keepdims=True))"
SHARES = "scores / scores.sum(axis=1, keepdims=True)"
LOG_PROBABILITIES = "log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))"
LOSS = "-log_probabilities[np.arange(len(labels)), labels].mean()"
DIVIDE = "grad_logits /= len(labels)"
THROUGH_RELU = 'grad = ReluLayer().backward(cache["relu"][depth - 1], grad)'
NEW_WEIGHTS = "weights - learning_rate * grad for"
NEW_BIASES = "biases - learning_rate * grad for"

MISCONCEPTIONS = [
    # linear-forward
    Misconception(
        id="bias-forgotten",
        task="linear-forward",
        tells="Each unit is off by one and the same amount in every example: its bias is missing. Look at all that the "
        "definition of the layer adds up.",
        edits={SUMS: "x @ self.weights"},
    ),
    Misconception(
        id="relu-in-linear-forward",
        task="linear-forward",
        tells="Your positive values are right, and where a negative one is due there is zero, as behind a ReLU. Look at "
        "each step between the sums and the output: this layer has no activation function.",
        edits={SUMS: f"np.maximum({SUMS}, 0)"},
    ),
    Misconception(
        id="weights-exchanged-in-forward",
        task="linear-forward",
        tells="Your values are those of weights whose rows and columns were exchanged. Look at which axis of the weights "
        "counts the inputs, and which the units.",
        edits={SUMS: "x @ self.weights.T + self.biases"},
    ),
    # linear-backward
    Misconception(
        id="mean-of-weight-gradients",
        task="linear-backward",
        tells="Your gradient of the weights is the right one divided by the number of examples, as a mean over the batch "
        "would be. Look at the definition in the notebook: what is done with the contributions of the examples?",
        edits={"x.T @ grad_output": "x.T @ grad_output / len(x)"},
    ),
    Misconception(
        id="mean-of-bias-gradients",
        task="linear-backward",
        tells="Your gradient of the biases is the right one divided by the number of examples, as a mean over the batch "
        "would be. Look at how far each example moves the loss when a bias is nudged, and at what becomes of these contributions.",
        edits={"grad_output.sum(axis=0)": "grad_output.mean(axis=0)"},
    ),
    Misconception(
        id="biases-added-over-units",
        task="linear-backward",
        tells="Your gradient of the biases holds one number for each example: the sum over its units. Look at what a bias "
        "belongs to, and at which axis has to be summed away.",
        edits={"grad_output.sum(axis=0)": "grad_output.sum(axis=1)"},
    ),
    Misconception(
        id="input-of-the-last-forward",
        task="linear-backward",
        tells="Your gradient of the weights is that of the examples which forward saw last, and not of those in the cache. "
        "Look at where backward finds the input of the layer.",
        edits={SUMS: f"{SUMS}\n        self.x = x", LINEAR_X: LINEAR_X.replace('cache["x"]', "self.x")},
    ),
    # relu
    Misconception(
        id="gradient-passes-at-zero",
        task="relu",
        tells="Your gradient also passes where the input was exactly 0. Look at the rule for zero in the fine print.",
        edits={GATE: 'grad_x = grad_output * (cache["x"] >= 0)'},
    ),
    Misconception(
        id="gate-looks-at-the-gradient",
        task="relu",
        tells="Your gradient is grad_output with its own negative numbers set to 0. Look at which array decides where a "
        "gradient may pass.",
        edits={GATE: "grad_x = grad_output * (grad_output > 0)"},
    ),
    Misconception(
        id="slope-alone",
        task="relu",
        tells="Your gradient holds ones and zeros: it is the slope of the ReLU, whatever grad_output is. Look at what the "
        "chain rule makes of that slope and of what comes back from the layers behind.",
        edits={GATE: 'grad_x = 1.0 * (cache["x"] > 0)'},
    ),
    Misconception(
        id="absolute-value",
        task="relu",
        tells="Your negative inputs come out with their sign turned, as in an absolute value. Look at what a ReLU makes of a "
        "negative number.",
        edits={"np.maximum(x, 0)": "np.abs(x)"},
    ),
    # softmax
    Misconception(
        id="exponentials-overflow",
        task="softmax",
        tells="Your probabilities are nan for huge logits: exponentials become inf there, or all of an example become 0, and "
        "a quotient of such numbers is none. Look at the first of the two traps in the notebook.",
        edits={SCORES: "scores = np.exp(logits)"},
    ),
    Misconception(
        id="softmax-over-the-batch",
        task="softmax",
        tells="In your result each class adds up to 1 over the examples, where each example is to add up to 1 over the "
        "classes. Look at which axis counts the examples, and at which one the sum is taken over.",
        edits={
            SCORES: "scores = np.exp(logits - logits.max(axis=0, keepdims=True))",
            SHARES: "scores / scores.sum(axis=0, keepdims=True)",
        },
    ),
    Misconception(
        id="maximum-of-the-batch",
        task="softmax",
        tells="Your examples are right among their equals, but one whose logits lie far below those of another example is "
        "lost: all of its exponentials become 0. Look at which logits have a say in the probabilities of one example.",
        edits={SCORES: "scores = np.exp(logits - logits.max())"},
    ),
    Misconception(
        id="divided-by-the-sum-of-all",
        task="softmax",
        tells="All your probabilities together add up to 1, where those of each example should. Look at which exponentials "
        "belong into the sum that an example is divided by.",
        edits={SHARES: "np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()"},
    ),
    # cross-entropy
    Misconception(
        id="loss-summed",
        task="cross-entropy",
        tells="Your loss is the right one times the number of examples, as a sum over the batch would be. Look at the "
        "definition of the loss in the notebook.",
        edits={LOSS: LOSS.replace(".mean()", ".sum()")},
    ),
    Misconception(
        id="logarithm-of-a-rounded-probability",
        task="cross-entropy",
        tells="Your loss is infinite where the probability of the right class is so small that it rounds to 0. Look at the "
        "second of the two traps in the notebook.",
        edits={LOG_PROBABILITIES: "log_probabilities = np.log(self.softmax(logits))"},
    ),
    Misconception(
        id="loss-divided-by-the-classes",
        task="cross-entropy",
        tells="Your loss is the right one divided by the number of classes. Look at how many numbers the mean is taken of.",
        edits={LOSS: "-(np.eye(logits.shape[1])[labels] * log_probabilities).mean()"},
    ),
    Misconception(
        id="gradient-of-the-summed-loss",
        task="cross-entropy",
        tells="Your gradient is the right one times the number of examples: it is that of the sum of the losses. Look at what "
        "the loss of a batch is, and at what that does to its slope.",
        edits={DIVIDE: "grad_logits /= 1"},
    ),
    Misconception(
        id="gradient-turned",
        task="cross-entropy",
        tells="Your gradient has the right size everywhere, and the opposite sign. Look at what the loss does when the logit "
        "of the right class grows.",
        edits={DIVIDE: "grad_logits /= -len(labels)"},
    ),
    # mlp-backward
    Misconception(
        id="relu-left-out",
        task="mlp-backward",
        tells="Your gradients are those of a network whose ReLUs let everything pass on the way back. Look at every layer "
        "that the signal went through on its way forward.",
        edits={THROUGH_RELU: "pass"},
    ),
    Misconception(
        id="last-relu-for-all",
        task="mlp-backward",
        tells="Your gradients are those of a network in which the last ReLU decides at every depth what may pass. Look at "
        "which ReLU stands in front of which linear layer.",
        edits={THROUGH_RELU: THROUGH_RELU.replace("depth - 1", "-1")},
    ),
    # sgd-step
    Misconception(
        id="step-uphill",
        task="sgd-step",
        tells="Your parameters moved along their gradients, to where the loss is larger. Look at where a gradient points, and "
        "at where the step should go.",
        edits={NEW_WEIGHTS: NEW_WEIGHTS.replace("-", "+"), NEW_BIASES: NEW_BIASES.replace("-", "+")},
    ),
    Misconception(
        id="biases-stay",
        task="sgd-step",
        tells="Your weights are right, and your biases are what they were before the step. Look at all that the network "
        "learns.",
        edits={NEW_BIASES: "biases for"},
    ),
    Misconception(
        id="learning-rate-forgotten",
        task="sgd-step",
        tells="Your steps are as long as the gradients themselves. Look at what decides how long a step is.",
        edits={NEW_WEIGHTS: "weights - grad for", NEW_BIASES: "biases - grad for"},
    ),
]
