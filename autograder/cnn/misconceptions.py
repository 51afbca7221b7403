"""Mistakes that students make in this assignment: an edit of the solution each, and what a student is told of it.

Every entry must lose marks in its own task and in no other; `cnn-assignment verify cnn` proves it. A sentence says first
what the values show and then where to look. It never says what to write.

An edit's old text stands exactly once in solutions/cnn.py. The pieces that many edits replace have names here.
"""

from __future__ import annotations

from cnn_assignment.misconceptions import Misconception

# conv-forward
CONV_SIZE = "return (h - self.filter_size) // self.stride + 1, (w - self.filter_size) // self.stride + 1"
CONV_HEIGHT_AND_WIDTH = f"h, w = x.shape[2:]\n        {CONV_SIZE}"
CONV_CORNER = "top, left = row * self.stride, col * self.stride"
CONV_WINDOW = "yield row, col, x[:, :, top : top + self.filter_size, left : left + self.filter_size]"
CONV_CACHE = 'cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, *self._get_output_size(x)))}'
CONV_LOOP = """for row, col, view in self._get_filtersizeXfiltersize_views(x):
            ### BEGIN SOLUTION conv-forward"""
RESPONSES = "np.tensordot(view[:, 0], self.weights, axes=((1, 2), (1, 2)))"
CONV_ASSIGN = f'cache["out"][:, :, row, col] = {RESPONSES}'
CONV_RETURN = f"{RESPONSES}\n            ### END SOLUTION\n        return cache"

# conv-backward
CONV_BACKWARD_X = 'x = cache["x"]\n        out_h, out_w = grad_output.shape[2:]'
FILTER_GRADS = "grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))"
PIXELS = "x[:, 0, row :: self.stride, col :: self.stride][:, :out_h, :out_w]"
SUM_OF_PRODUCTS = f"""np.einsum(
                    "nkhw,nhw->k",
                    grad_output,
                    {PIXELS},
                )"""
FILTER_ASSIGN = f"grads[:, row, col] = {SUM_OF_PRODUCTS}"
RETURN_FILTER_GRADS = "return grads\n\n\nclass MaxPooling2dLayer:"

# pool-views
POOL_SIZE = "size = self.filter_size"
POOL_SHAPE = "h, w = x.shape[2:]\n        ### BEGIN SOLUTION pool-views"
POOL_ROWS = "for row in range(h // size):"
POOL_COLS = "for col in range(w // size):"
POOL_WINDOW = "x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]"
POOL_YIELD = f"yield row, col, {POOL_WINDOW}"

# pool-forward
POOL_CACHE = 'cache = {"x": x, "out": np.zeros((batch, channels, h // self.filter_size, w // self.filter_size))}'
POOL_LOOP = """for row, col, view in self._get_filtersizeXfiltersize_views(x):
            ### BEGIN SOLUTION pool-forward"""
MAXIMA = "view.max(axis=(2, 3))"
POOL_ASSIGN = f'cache["out"][:, :, row, col] = {MAXIMA}'
POOL_RETURN = f"{MAXIMA}\n            ### END SOLUTION\n        return cache"

# pool-backward
POOL_BACKWARD_X = 'x = cache["x"]\n        grads = np.zeros(x.shape)'
POOL_BACKWARD_LOOP = "for (row, col, view), (_, _, grad_view) in zip(windows, grad_windows):"
MASK = "mask = view == view.max(axis=(2, 3), keepdims=True)"
UPSTREAM = "grad_output[:, :, row, col, np.newaxis, np.newaxis]"
GRAD_ASSIGN = f"grad_view[...] = mask * {UPSTREAM}"
RETURN_IMAGE_GRADS = "return grads\n\n\nclass ConvolutionalNetwork:"

# cnn-chain
NETWORK_RETURN = 'return {"convolution": convolution, "pooling": pooling, "mlp": mlp, "out": mlp["out"]}'
CHAIN_MLP = 'mlp_grads = self.mlp.backward(cache["mlp"], labels)'
CHAIN_POOLED = 'grad_pooled = mlp_grads["x"].reshape(cache["pooling"]["out"].shape)'
CHAIN_CONVOLVED = 'grad_convolved = self.pooling.backward(cache["pooling"], grad_pooled)'
CHAIN_FILTERS = 'filter_grads = self.convolution.backward(cache["convolution"], grad_convolved)'
CHAIN_RETURN = 'return {"convolution": filter_grads, "mlp": mlp_grads}'

MISCONCEPTIONS = [
    # conv-forward: which weight meets which pixel
    Misconception(
        id="kernel-flipped",
        task="conv-forward",
        tells="Your values are those of filters that were turned by 180 degrees before they slid over the images. "
        "Look at the definition of cross-correlation in the notebook: in which order do weights and pixels of a "
        "window meet?",
        edits={RESPONSES: "np.tensordot(view[:, 0], self.weights[:, ::-1, ::-1], axes=((1, 2), (1, 2)))"},
    ),
    Misconception(
        id="kernel-flipped-on-every-axis",
        task="conv-forward",
        tells="Your values are those of weights that were reversed along all three axes: each filter is upside down, "
        "and the last filter answers in the first channel. Look at which filter answers in which channel, and at which "
        "weight meets which pixel.",
        edits={RESPONSES: "np.tensordot(view[:, 0], np.flip(self.weights), axes=((1, 2), (1, 2)))"},
    ),
    Misconception(
        id="kernel-transposed",
        task="conv-forward",
        tells="Your values are those of filters whose rows and columns were exchanged. Look at which axis of the "
        "weights meets which axis of the window, in the order of the docstring.",
        edits={RESPONSES: "np.tensordot(view[:, 0], self.weights, axes=((1, 2), (2, 1)))"},
    ),
    Misconception(
        id="weights-reshaped-to-transpose",
        task="conv-forward",
        tells="Your values are those of weights that were mixed across filters: numbers of several filters meet in one "
        "channel. Look at the path of a single weight, from its filter to the channel in which it counts.",
        methods={
            "Convolution2dLayer.forward": """
                def forward(self, x):
                    views = [view.reshape(len(x), -1) for _, _, view in self._get_filtersizeXfiltersize_views(x)]
                    columns = self.weights.reshape(-1, self.n_outchannel)
                    out = np.stack([view @ columns for view in views], axis=2)
                    return {"x": x, "out": out.reshape(len(x), self.n_outchannel, *self._get_output_size(x))}
                """
        },
    ),
    Misconception(
        id="matrix-product-of-window-and-filter",
        task="conv-forward",
        tells="Your values are those of a matrix product of window and filter, added up: rows of the one met columns "
        "of the other. Look at the small example by hand in the notebook: how many products does a window of 2 by 2 "
        "need?",
        edits={RESPONSES: "np.matmul(view, self.weights).sum(axis=(2, 3))"},
    ),
    Misconception(
        id="weights-forgotten",
        task="conv-forward",
        tells="Each of your values is the plain sum of a window's pixels, the same in every channel. Look at where the "
        "weights of a filter come in.",
        edits={RESPONSES: "view.sum(axis=(2, 3))"},
    ),
    Misconception(
        id="filter-size-3-assumed",
        task="conv-forward",
        tells="The filters of this layer have another size than 3 by 3, and your values are those of three rows and "
        "three columns of them, or there is an error. Look at where the size of the filter comes from.",
        edits={
            CONV_ASSIGN: """for i in range(3):
                for j in range(3):
                    cache["out"][:, :, row, col] += view[:, :, i, j] * self.weights[:, i, j]"""
        },
    ),
    Misconception(
        id="last-weights-left-out",
        task="conv-forward",
        tells="Your values are what remains when the last row and the last column of each filter are left out. Look at "
        "which weights take part in the sum, from the first to the last.",
        edits={
            CONV_ASSIGN: """for i in range(self.filter_size - 1):
                for j in range(self.filter_size - 1):
                    cache["out"][:, :, row, col] += view[:, :, i, j] * self.weights[:, i, j]"""
        },
    ),
    Misconception(
        id="window-multiplied-in-place",
        task="conv-forward",
        tells="Your numbers are what comes out when the pixels of a window are replaced by their products with weights, in x itself. Look at what happens to x on the way: a window can be a part of it.",
        edits={
            CONV_ASSIGN: """for k, weights in enumerate(self.weights):
                view *= weights
                cache["out"][:, k, row, col] = view.sum(axis=(1, 2, 3))"""
        },
    ),
    # conv-forward: what the products become
    Misconception(
        id="mean-for-sum",
        task="conv-forward",
        tells="Each of your values is too small by the number of weights in a filter, as a mean of the products would "
        "be. Look at the definition in the notebook: what is done with the products of a window?",
        edits={RESPONSES: "(view * self.weights).mean(axis=(2, 3))"},
    ),
    Misconception(
        id="relu-in-forward",
        task="conv-forward",
        tells="Your positive values are right, and where a negative one is due there is zero, as behind a ReLU. Look "
        "at each step between the products and the output: this layer has no activation function.",
        edits={RESPONSES: f"np.maximum({RESPONSES}, 0)"},
    ),
    Misconception(
        id="summed-over-filters",
        task="conv-forward",
        tells="All of your channels are alike: each holds the sum of what all filters answer. Look at which axes are "
        "summed over, and at which of them belongs to the filters.",
        edits={RESPONSES: f"{RESPONSES}.sum(axis=1, keepdims=True)"},
    ),
    Misconception(
        id="summed-over-everything",
        task="conv-forward",
        tells="At each position all examples and all channels hold one and the same number, the sum of every product "
        "there is. Look at how many numbers are due for one window, and at what each of them is a sum of.",
        edits={RESPONSES: "np.sum(view * self.weights)"},
    ),
    Misconception(
        id="sum-not-reset",
        task="conv-forward",
        tells="Your first window is right, and from there on each value also holds the sum of all windows before it. "
        "Look at what the value of one window has to do with the windows before it.",
        edits={
            CONV_LOOP: f"total = 0\n        {CONV_LOOP}",
            CONV_ASSIGN: f'total = total + {RESPONSES}\n            cache["out"][:, :, row, col] = total',
        },
    ),
    # conv-forward: examples and filters
    Misconception(
        id="first-filter-for-all",
        task="conv-forward",
        tells="Every one of your channels holds the response of the first filter. "
        "Look at how a channel of the output finds its own filter.",
        edits={RESPONSES: "(view * self.weights[0]).sum(axis=(2, 3))"},
    ),
    Misconception(
        id="last-filter-for-all",
        task="conv-forward",
        tells="Every one of your channels holds the response of the last filter. Look at which filter's response ends "
        "up in which channel, one by one.",
        edits={
            CONV_ASSIGN: """for weights in self.weights:
                cache["out"][:, :, row, col] = (view * weights).sum(axis=(2, 3))"""
        },
    ),
    Misconception(
        id="first-image-for-all",
        task="conv-forward",
        tells="Your first example is right, and all other examples hold the same output as the first. Look at which "
        "image the numbers of each example come from.",
        edits={RESPONSES: "np.tensordot(self.weights, view[0, 0], axes=((1, 2), (0, 1)))"},
    ),
    Misconception(
        id="only-first-image-filled",
        task="conv-forward",
        tells="Your first example is right, and the output of all others is zero. Look at what becomes of the second "
        "example, from its pixels to its place in the output.",
        edits={CONV_ASSIGN: f'cache["out"][0, :, row, col] = {RESPONSES}[0]'},
    ),
    Misconception(
        id="images-and-filters-reshaped",
        task="conv-forward",
        tells="Your numbers are right, but many stand in another example or channel, as if these two axes had been run "
        "together in the wrong order. Look at the order of the axes in each array on the way to the output.",
        edits={
            RESPONSES: "np.tensordot(self.weights, view[:, 0], axes=((1, 2), (1, 2))).reshape(len(x), self.n_outchannel)"
        },
    ),
    Misconception(
        id="examples-and-channels-exchanged",
        task="conv-forward",
        tells="Your numbers are right, but the first two axes of the output are exchanged. "
        "Look at the order of axes in the docstring: what comes first, the example or the channel?",
        edits={
            CONV_CACHE: 'cache = {"x": x, "out": np.zeros((self.n_outchannel, len(x), *self._get_output_size(x)))}',
            RESPONSES: "np.tensordot(self.weights, view[:, 0], axes=((1, 2), (1, 2)))",
        },
    ),
    Misconception(
        id="channels-last",
        task="conv-forward",
        tells="Your numbers are right, but the channel is the last axis of your output. "
        "Look at the order of the axes that the docstring of the module gives.",
        edits={
            CONV_CACHE: 'cache = {"x": x, "out": np.zeros((len(x), *self._get_output_size(x), self.n_outchannel))}',
            CONV_ASSIGN: f'cache["out"][:, row, col] = {RESPONSES}',
        },
    ),
    Misconception(
        id="thirty-two-filters-assumed",
        task="conv-forward",
        tells="Your output has 32 channels, where this layer has another number of filters. Look at where the number "
        "of channels in your output comes from.",
        edits={
            CONV_CACHE: 'cache = {"x": x, "out": np.zeros((len(x), 32, *self._get_output_size(x)))}',
            CONV_ASSIGN: f'cache["out"][:, : self.n_outchannel, row, col] = {RESPONSES}',
        },
    ),
    Misconception(
        id="im2col-without-transpose",
        task="conv-forward",
        tells="Your output holds the right numbers at wrong places, as if the channel had been the last axis when the "
        "array got its four axes. Look at the order of the axes wherever the shape of an array changes.",
        methods={
            "Convolution2dLayer.forward": """
                def forward(self, x):
                    views = [view.reshape(len(x), -1) for _, _, view in self._get_filtersizeXfiltersize_views(x)]
                    out = np.stack(views, axis=1) @ self.weights.reshape(self.n_outchannel, -1).T
                    return {"x": x, "out": out.reshape(len(x), self.n_outchannel, *self._get_output_size(x))}
                """
        },
    ),
    # conv-forward: where the windows lie, and how many they are
    Misconception(
        id="stride-ignored",
        task="conv-forward",
        tells="Your output is that of a layer with stride 1: there is a window at every pixel, and there are too many "
        "of them. Look at how far apart two neighbouring windows lie.",
        edits={
            CONV_SIZE: "return h - self.filter_size + 1, w - self.filter_size + 1",
            CONV_CORNER: "top, left = row, col",
        },
    ),
    Misconception(
        id="windows-start-at-index",
        task="conv-forward",
        tells="Your output has the right size, but its values are those of windows that lie one pixel apart, where the "
        "stride is larger. Look at how the number of a window leads to its first pixel.",
        edits={CONV_CORNER: "top, left = row, col"},
    ),
    Misconception(
        id="stride-for-rows-only",
        task="conv-forward",
        tells="Your values are those of windows that lie a stride apart from row to row, but only one pixel apart from "
        "column to column. Look at how the top of a window is found, and how its left side.",
        edits={CONV_CORNER: "top, left = row * self.stride, col"},
    ),
    Misconception(
        id="windows-side-by-side",
        task="conv-forward",
        tells="Your output is that of windows that lie side by side and never overlap, as in a pooling layer. Look at "
        "which number of the layer says how far the next window is away.",
        edits={
            CONV_SIZE: "return h // self.filter_size, w // self.filter_size",
            CONV_CORNER: "top, left = row * self.filter_size, col * self.filter_size",
        },
    ),
    Misconception(
        id="stride-ignored-for-one-weight",
        task="conv-forward",
        tells="With filters of a single weight your values are those of neighbouring pixels, although the stride is "
        "larger. Look at how far the window moves there: a filter of one pixel moves like any other.",
        edits={
            CONV_CORNER: "top, left = (row * self.stride, col * self.stride) if self.filter_size > 1 else (row, col)"
        },
    ),
    Misconception(
        id="size-rounded-up-for-large-strides",
        task="conv-forward",
        tells="Where the stride is larger than the filter, two arrays meet whose shapes do not fit, and elsewhere all "
        "is right. Look at the last windows of such a layer: the whole window must fit into the image.",
        edits={
            CONV_SIZE: f"""if self.stride > self.filter_size:
            return -(-h // self.stride), -(-w // self.stride)
        {CONV_SIZE}"""
        },
    ),
    Misconception(
        id="pixel-index-for-output-index",
        task="conv-forward",
        tells="With a stride above 1 an index lies outside of its axis. Look at what row and col count in the "
        "docstring of the views, and at what each index in your code counts.",
        edits={CONV_WINDOW: CONV_WINDOW.replace("yield row, col", "yield top, left")},
    ),
    Misconception(
        id="results-at-pixel-positions",
        task="conv-forward",
        tells="Your output is too large: each result stands where its window has its upper left pixel, and all other "
        "places hold zero. Look at what row and col of the output count.",
        edits={
            CONV_CACHE: """h, w = x.shape[2:]
        out = np.zeros((len(x), self.n_outchannel, h - self.filter_size + 1, w - self.filter_size + 1))
        cache = {"x": x, "out": out}""",
            CONV_ASSIGN: f'cache["out"][:, :, row * self.stride, col * self.stride] = {RESPONSES}',
        },
    ),
    Misconception(
        id="size-ignores-stride",
        task="conv-forward",
        tells="Your results are at their places, but rows or columns of zeros follow them: the output is as large as "
        "stride 1 would make it. Look at how the size of your output comes about.",
        edits={
            CONV_CACHE: """h, w = x.shape[2:]
        out = np.zeros((len(x), self.n_outchannel, h - self.filter_size + 1, w - self.filter_size + 1))
        cache = {"x": x, "out": out}"""
        },
    ),
    Misconception(
        id="size-divided-too-early",
        task="conv-forward",
        tells="Your results are at their places, but the output is too large and ends in zeros. Look at how its size "
        "is calculated, step by step, for 8 rows, a filter of 3 and a stride of 2.",
        edits={
            CONV_CACHE: """h, w = x.shape[2:]
        out_h, out_w = h - self.filter_size // self.stride + 1, w - self.filter_size // self.stride + 1
        cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, out_h, out_w))}"""
        },
    ),
    Misconception(
        id="size-without-the-first-window",
        task="conv-forward",
        tells="Your output lacks its last row and its last column. Look at how the windows are counted, for instance "
        "with a filter that is as large as the image.",
        edits={CONV_SIZE: "return (h - self.filter_size) // self.stride, (w - self.filter_size) // self.stride"},
    ),
    Misconception(
        id="last-windows-left-at-zero",
        task="conv-forward",
        tells="Your output has the right size, but its last row and its last column hold zero. Look at what happens to "
        "the last window of a row, and to the last row of windows.",
        edits={
            "for row in range(out_h):": "for row in range(out_h - 1):",
            "for col in range(out_w):": "for col in range(out_w - 1):",
        },
    ),
    Misconception(
        id="remainder-padded",
        task="conv-forward",
        tells="Your output is that of images with zeros added below or on the right until the windows fill them, so it "
        "has a row or a column too many. Look at what the docstring says of windows that do not fit.",
        methods={
            "Convolution2dLayer.forward": """
                def forward(self, x):
                    more_h, more_w = [-(n - self.filter_size) % self.stride for n in x.shape[2:]]
                    padded = np.pad(x, ((0, 0), (0, 0), (0, more_h), (0, more_w)))
                    cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, *self._get_output_size(padded)))}
                    for row, col, view in self._get_filtersizeXfiltersize_views(padded):
                        cache["out"][:, :, row, col] = np.einsum("ncij,kij->nk", view, self.weights)
                    return cache
                """
        },
    ),
    Misconception(
        id="padded-all-round",
        task="conv-forward",
        tells="Your output is that of images with a frame of zeros around them. Look at what the docstring of the "
        "class says of padding, and at how many windows fit into x as it is.",
        methods={
            "Convolution2dLayer.forward": """
                def forward(self, x):
                    frame = self.filter_size // 2
                    padded = np.pad(x, ((0, 0), (0, 0), (frame, frame), (frame, frame)))
                    cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, *self._get_output_size(padded)))}
                    for row, col, view in self._get_filtersizeXfiltersize_views(padded):
                        cache["out"][:, :, row, col] = np.einsum("ncij,kij->nk", view, self.weights)
                    return cache
                """
        },
    ),
    Misconception(
        id="square-images-assumed",
        task="conv-forward",
        tells="These images are not square, and your output has as many columns as rows, or there is an error. Look at "
        "where the number of rows comes from, and where the number of columns.",
        edits={CONV_HEIGHT_AND_WIDTH: f"h = w = x.shape[2]\n        {CONV_SIZE}"},
    ),
    Misconception(
        id="height-and-width-exchanged",
        task="conv-forward",
        tells="Square images come out right, and most others end in an error about shapes. Look at the order of rows "
        "and columns wherever the size of x comes in.",
        edits={CONV_HEIGHT_AND_WIDTH: f"w, h = x.shape[2:]\n        {CONV_SIZE}"},
    ),
    Misconception(
        id="output-transposed",
        task="conv-forward",
        tells="Your numbers are right, but rows and columns of the output are exchanged. Look at the order of its last "
        "two axes, on the whole way from the windows to the output.",
        edits={
            CONV_CACHE: """out_h, out_w = self._get_output_size(x)
        cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, out_w, out_h))}""",
            CONV_ASSIGN: f'cache["out"][:, :, col, row] = {RESPONSES}',
        },
    ),
    Misconception(
        id="output-index-exchanged",
        task="conv-forward",
        tells="Of square images your output has its rows and columns exchanged, and others may end in an error. Look "
        "at the order of row and column wherever a window is found, or its result is put into the output.",
        edits={CONV_ASSIGN: f'cache["out"][:, :, col, row] = {RESPONSES}'},
        same_as=("window-rows-and-columns-exchanged",),
    ),
    Misconception(
        id="window-rows-and-columns-exchanged",
        task="conv-forward",
        tells="Of square images each result is that of the window with row and column exchanged, and others may end in "
        "an error. Look at which of the two numbers of a window belongs to the rows of x.",
        edits={
            CONV_WINDOW: "yield row, col, x[:, :, left : left + self.filter_size, top : top + self.filter_size]",
        },
        same_as=("output-index-exchanged",),
    ),
    Misconception(
        id="windows-listed-column-by-column",
        task="conv-forward",
        tells="Your output holds the right numbers in another order, as if the windows were listed column by column "
        "and the output then filled row by row. Look at the order in which windows come, and at the order in which "
        "their results are put into the output.",
        methods={
            "Convolution2dLayer.forward": """
                def forward(self, x):
                    out_h, out_w = self._get_output_size(x)
                    responses = []
                    for col in range(out_w):
                        for row in range(out_h):
                            top, left = row * self.stride, col * self.stride
                            view = x[:, :, top : top + self.filter_size, left : left + self.filter_size]
                            responses.append((view * self.weights).sum(axis=(2, 3)))
                    return {"x": x, "out": np.stack(responses, axis=2).reshape(len(x), -1, out_h, out_w)}
                """
        },
    ),
    Misconception(
        id="strides-assume-contiguous",
        task="conv-forward",
        tells="Here x is a slice of a larger array, and your values are those of the numbers that lie one after the "
        "other in memory. Look at what your code takes for granted of where the pixels of x lie.",
        methods={
            "Convolution2dLayer.forward": """
                def forward(self, x):
                    out_h, out_w = self._get_output_size(x)
                    h, w = x.shape[2:]
                    windows = np.lib.stride_tricks.as_strided(
                        x,
                        (len(x), out_h, out_w, self.filter_size, self.filter_size),
                        (8 * h * w, 8 * w * self.stride, 8 * self.stride, 8 * w, 8),
                    )
                    return {"x": x, "out": np.einsum("nrcij,kij->nkrc", windows, self.weights)}
                """
        },
    ),
    # conv-forward: loops
    Misconception(
        id="only-last-window",
        task="conv-forward",
        tells="Only the last window's place holds a result, and everything before it is zero. Look at what is done "
        "once for each window, and what is done only once.",
        edits={CONV_ASSIGN: f"pass\n        {CONV_ASSIGN}"},
    ),
    # conv-forward: what is returned, and of which type
    Misconception(
        id="output-of-integers",
        task="conv-forward",
        tells="Your output holds whole numbers: everything after the decimal point is lost. Look at the type of each "
        "array on the way to the output.",
        edits={CONV_CACHE: CONV_CACHE.replace("(x)))}", "(x)), dtype=int)}")},
    ),
    Misconception(
        id="single-precision",
        task="conv-forward",
        tells="Your values agree with the right ones to about seven digits and no further, as numbers of the type "
        "float32 do. Look at the type of each array on the way to the output.",
        edits={
            RESPONSES: "np.einsum('nij,kij->nk', view[:, 0].astype(np.float32), self.weights.astype(np.float32))",
        },
    ),
    Misconception(
        id="output-squeezed",
        task="conv-forward",
        tells="Your output has lost its axes of length 1. All four axes stay, whatever their lengths are. Look at each "
        "step that can change the number of axes.",
        edits={CONV_RETURN: CONV_RETURN.replace("return", 'cache["out"] = np.squeeze(cache["out"])\n        return')},
    ),
    Misconception(
        id="returns-out",
        task="conv-forward",
        tells="What forward returns is an array, in which nothing can be found by name. Look at the docstring: what "
        "does backward need to know later, and under which keys does it look for things?",
        edits={CONV_RETURN: f'{CONV_RETURN}["out"]'},
    ),
    Misconception(
        id="returns-out-and-cache",
        task="conv-forward",
        tells="What forward returns is a tuple, in which nothing can be looked up by a key. Look at the docstring: "
        "what kind of object does it ask for, and what is to be found in it?",
        edits={CONV_RETURN: CONV_RETURN.replace("return cache", 'return cache["out"], cache')},
    ),
    Misconception(
        id="x-not-in-the-cache",
        task="conv-forward",
        tells='Nothing is found under "x" in what forward returns. Look at the docstring of the module: what belongs '
        "under which key?",
        edits={CONV_CACHE: CONV_CACHE.replace('"x": x, ', "")},
    ),
    # conv-forward: what must stay as it is
    Misconception(
        id="x-normalised-in-place",
        task="conv-forward",
        tells="Your numbers are those of images that were brought to mean 0 and standard deviation 1. Look at "
        "everything that happens to the pixels of x: the contract asks for the response to x as it is.",
        edits={CONV_CACHE: f"x -= x.mean()\n        x /= x.std()\n        {CONV_CACHE}"},
    ),
    Misconception(
        id="weights-normalised-in-place",
        task="conv-forward",
        tells="Your numbers are those of filters that were scaled to length 1. Look at everything that happens to the "
        "weights: the contract asks for the response of the filters as they are, and only training changes them.",
        edits={
            CONV_CACHE: f"""self.weights /= np.sqrt((self.weights**2).sum(axis=(1, 2), keepdims=True))
        {CONV_CACHE}"""
        },
    ),
    Misconception(
        id="weights-of-the-first-call",
        task="conv-forward",
        tells="After the weights were replaced, forward still gives what it gave with the old ones for the same x. "
        "Look at what your output is made from in a second call, and at whether the new weights take part in it.",
        edits={
            CONV_CACHE: f"""if not hasattr(self, "kernels"):
            self.kernels = self.weights.copy()
        {CONV_CACHE}""",
            RESPONSES: RESPONSES.replace("self.weights", "self.kernels"),
        },
    ),
    Misconception(
        id="output-size-of-the-first-call",
        task="conv-forward",
        tells="An index lies outside of its axis when forward is called on images of another size than before; on "
        "images of one size all is right. Look at which sizes belong to the x of the call.",
        edits={
            CONV_CACHE: """if not hasattr(self, "out_size"):
            self.out_size = self._get_output_size(x)
        cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, *self.out_size))}"""
        },
    ),
    Misconception(
        id="output-kept-on-self",
        task="conv-forward",
        tells="After forward was called again, the first cache holds the output of the later call. Look at how each "
        "call comes by an array of its own for its output.",
        edits={
            CONV_CACHE: """shape = (len(x), self.n_outchannel, *self._get_output_size(x))
        if not hasattr(self, "out") or self.out.shape != shape:
            self.out = np.zeros(shape)
        cache = {"x": x, "out": self.out}"""
        },
        same_as=("cache-kept-on-self",),
    ),
    Misconception(
        id="cache-kept-on-self",
        task="conv-forward",
        tells="After further calls of forward, the first cache holds the output of a later call. Look at how each call "
        "comes by a cache of its own, with nothing in it that another call can change.",
        edits={
            CONV_CACHE: f"""{CONV_CACHE}
        if not hasattr(self, "cache"):
            self.cache = {{}}
        self.cache.update(cache)
        cache = self.cache"""
        },
        same_as=("output-kept-on-self",),
    ),
    Misconception(
        id="windows-of-an-earlier-image",
        task="conv-forward",
        tells="Your output is the right one for the pixels that this x held in an earlier call: since then the same "
        "array has got other numbers. Look at what your output is made from when a known array holds new pixels.",
        same_as=("responses-kept-by-id",),
        edits={
            CONV_LOOP: f"""if getattr(self, "seen", None) is not x:
            self.seen = x
            self.windows = [(row, col, view.copy()) for row, col, view in self._get_filtersizeXfiltersize_views(x)]
        {CONV_LOOP.replace("self._get_filtersizeXfiltersize_views(x)", "self.windows")}"""
        },
    ),
    Misconception(
        id="copy-of-earlier-weights",
        task="conv-forward",
        tells="Your output is the right one for numbers that the weights held earlier: since then the same array has "
        "got other numbers, as in a training step. Look at which numbers your output is made from.",
        edits={
            CONV_LOOP: f"""if getattr(self, "source", None) is not self.weights:
            self.source, self.copied = self.weights, self.weights.copy()
        {CONV_LOOP}""",
            RESPONSES: RESPONSES.replace("self.weights", "self.copied"),
        },
    ),
    Misconception(
        id="windows-of-another-layer",
        task="conv-forward",
        tells="Your output is that of a layer with another stride, which a second layer has that is in use at the same "
        "time. Look at everything that one layer can take over from another.",
        methods={
            "Convolution2dLayer.forward": """
                places = {}

                def forward(self, x):
                    size = self._get_output_size(x)
                    known = self.places.setdefault(x.shape[2:], (self.stride, size))
                    stride, (out_h, out_w) = known
                    out = np.zeros((len(x), self.n_outchannel, out_h, out_w))
                    for row, col in np.ndindex(out_h, out_w):
                        top, left = row * stride, col * stride
                        view = x[:, 0, top : top + self.filter_size, left : left + self.filter_size]
                        out[:, :, row, col] = np.tensordot(view, self.weights, axes=((1, 2), (1, 2)))
                    return {"x": x, "out": out}
                """
        },
    ),
    Misconception(
        id="stride-of-the-newest-layer",
        task="conv-forward",
        tells="One layer at a time is right, but with several layers in use at once two arrays meet whose shapes do "
        "not fit. Look at everything that one layer can take over from another.",
        methods={
            "Convolution2dLayer.__init__": """
                def __init__(self, filter_size=3, stride=1, n_outchannel=32):
                    self.filter_size = filter_size
                    self.stride = Convolution2dLayer.step = stride
                    self.n_outchannel = n_outchannel
                """
        },
        edits={CONV_CORNER: CONV_CORNER.replace("self.stride", "self.step")},
    ),
    # conv-forward: sizes, memory and calls that small examples do not have
    Misconception(
        id="responses-of-four-examples-at-most",
        task="conv-forward",
        tells="Only the first four examples of a batch get responses; those of any further example are still 0. "
        "Look at how many examples your code goes over.",
        edits={
            CONV_ASSIGN: 'cache["out"][:4, :, row, col] = np.tensordot(view[:4, 0], self.weights, axes=((1, 2), (1, 2)))'
        },
    ),
    Misconception(
        id="filter-sides-up-to-five",
        task="conv-forward",
        tells="Of a filter with more than five rows and columns only the first five take part in the sums. "
        "Look at how far your code goes through a filter.",
        edits={
            CONV_ASSIGN: """kernel, seen = self.weights[:, :5, :5], view[:, 0, :5, :5]
            cache["out"][:, :, row, col] = np.tensordot(seen, kernel, axes=((1, 2), (1, 2)))"""
        },
    ),
    Misconception(
        id="single-row-of-windows-left-out",
        task="conv-forward",
        tells="Where all windows lie in one row, the responses are 0; with more rows they are right. "
        "Look at how many rows of windows your code expects.",
        edits={
            CONV_ASSIGN: f'cache["out"][:, :, row, col] = (cache["out"].shape[2] > 1 or cache["out"].shape[3] == 1) * {RESPONSES}'
        },
    ),
    Misconception(
        id="pixels-in-memory-order",
        task="conv-forward",
        tells="Your values are those of images whose pixels are read in the order in which they lie in memory. "
        "For a transposed or a reversed view that is another order than row by row. Look at the order in which "
        "pixels of x are read.",
        edits={CONV_LOOP: CONV_LOOP.replace("(x):", '(x.ravel(order="K").reshape(x.shape)):')},
    ),
    Misconception(
        id="responses-kept-by-id",
        task="conv-forward",
        tells="When x or the weights are the same array as before but hold other numbers, the earlier responses come "
        "back. Look at what one call can take over from an earlier one.",
        same_as=("windows-of-an-earlier-image",),
        methods={
            "Convolution2dLayer.forward": """
                def forward(self, x, known={}):
                    key = id(x), id(self.weights), self.filter_size, self.stride, self.n_outchannel
                    if key not in known:
                        out = np.zeros((len(x), self.n_outchannel, *self._get_output_size(x)))
                        for row, col, view in self._get_filtersizeXfiltersize_views(x):
                            out[:, :, row, col] = np.tensordot(view[:, 0], self.weights, axes=((1, 2), (1, 2)))
                        known[key] = x, self.weights, out
                    return {"x": x, "out": known[key][2]}
                """
        },
    ),
    # conv-backward: which numbers are multiplied
    Misconception(
        id="grad-output-ignored",
        task="conv-backward",
        tells="Your gradient is that of an upstream gradient of ones, whatever numbers grad_output holds. Look at the "
        "chain rule in the notebook: what is each pixel multiplied by before the sum?",
        edits={SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("grad_output", "np.ones_like(grad_output)")},
    ),
    Misconception(
        id="out-for-grad-output",
        task="conv-backward",
        tells="Your gradient is that of pixels multiplied by what the layer put out, where the gradient that comes "
        "back is due. Look at which of the two arguments tells what the loss wants.",
        edits={SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("grad_output", 'cache["out"]')},
    ),
    Misconception(
        id="pixels-forgotten",
        task="conv-backward",
        tells="All weights of a filter get the same gradient, the sum of grad_output over its channel, as a bias would. "
        "Look at the chain rule: how far an output moves depends on the pixel that the weight meets.",
        edits={SUM_OF_PRODUCTS: "grad_output.sum(axis=(0, 2, 3))"},
    ),
    Misconception(
        id="gradient-of-the-input",
        task="conv-backward",
        tells="What you return is the gradient with respect to x, in the shape of x. Look at the docstring: with "
        "respect to what is the gradient asked for?",
        methods={
            "Convolution2dLayer.backward": """
                def backward(self, cache, grad_output):
                    grads = np.zeros(cache["x"].shape)
                    for row, col, view in self._get_filtersizeXfiltersize_views(grads):
                        view += np.einsum("nk,kij->nij", grad_output[:, :, row, col], self.weights)[:, np.newaxis]
                    return grads
                """
        },
    ),
    Misconception(
        id="relu-derivative-in-the-convolution",
        task="conv-backward",
        tells="Your gradient leaves out the positions where the output was not positive, as if a ReLU followed. Look "
        "at which positions take part in the sum: this layer has no activation function.",
        edits={SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("grad_output", 'grad_output * (cache["out"] > 0)')},
    ),
    Misconception(
        id="upstream-gradient-flipped",
        task="conv-backward",
        tells="Your values are those of an upstream gradient that was turned by 180 degrees before it met the pixels. "
        "Look at the order of grad_output: each position belongs to the window at the same position.",
        edits={SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("grad_output", "grad_output[:, :, ::-1, ::-1]")},
    ),
    Misconception(
        id="filter-gradient-flipped",
        task="conv-backward",
        tells="Your gradient of each filter is turned by 180 degrees. Look at which pixels of a window belong to which "
        "weight: forward does not turn the filter.",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", "grads[:, ::-1, ::-1]")},
    ),
    Misconception(
        id="filter-gradient-transposed",
        task="conv-backward",
        tells="Your gradient of each filter has rows and columns exchanged. Look at which weight each sum belongs to, "
        "and at which pixels of x it is made from.",
        edits={FILTER_ASSIGN: FILTER_ASSIGN.replace("[:, row, col]", "[:, col, row]")},
    ),
    Misconception(
        id="negative-filter-gradient",
        task="conv-backward",
        tells="Your gradient has the wrong sign throughout, and is right otherwise. Look at each step that can turn a "
        "sign: the step against the gradient is taken by the training loop.",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", "-grads")},
    ),
    # conv-backward: sums and means
    Misconception(
        id="only-last-example",
        task="conv-backward",
        tells="Your gradient is that of the last example alone. Look at how the contributions of the examples come "
        "together: the gradient is a sum over all of them.",
        edits={
            FILTER_ASSIGN: f"""for upstream, pixels in zip(grad_output, {PIXELS}):
                    grads[:, row, col] = (upstream * pixels).sum(axis=(1, 2))"""
        },
    ),
    Misconception(
        id="only-last-position",
        task="conv-backward",
        tells="Your gradient is that of the last output position alone, the lower right one. Look at how the "
        "contributions of the positions come together: the gradient is a sum over all of them.",
        edits={
            SUM_OF_PRODUCTS: f"""np.einsum(
                    "nk,n->k",
                    grad_output[:, :, -1, -1],
                    {PIXELS}[:, -1, -1],
                )"""
        },
    ),
    Misconception(
        id="only-last-example-and-position",
        task="conv-backward",
        tells="Your gradient holds a single product for each weight, that of the last example at the last output "
        "position. Look at how the products of all examples and positions come together.",
        edits={SUM_OF_PRODUCTS: f"grad_output[-1, :, -1, -1] * {PIXELS}[-1, -1, -1]"},
    ),
    Misconception(
        id="only-first-example",
        task="conv-backward",
        tells="Your gradient is that of the first example alone. Look at which examples take part in the sum: all of "
        "them contribute.",
        edits={SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("grad_output", "grad_output[:1]").replace("x[:, 0", "x[:1, 0")},
    ),
    Misconception(
        id="last-positions-left-out",
        task="conv-backward",
        tells="Your gradient lacks what the last row and the last column of output positions contribute. Look at which "
        "positions take part in the sum, from the first to the last.",
        edits={
            SUM_OF_PRODUCTS: f"""np.einsum(
                    "nkhw,nhw->k",
                    grad_output[:, :, :-1, :-1],
                    {PIXELS}[:, :-1, :-1],
                )"""
        },
    ),
    Misconception(
        id="summed-over-filters-in-backward",
        task="conv-backward",
        tells="All filters get the same gradient, the sum of the gradients that are due to them. Look at what the gradient of one filter has to do with those of the others.",
        edits={SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("->k", "->")},
    ),
    Misconception(
        id="last-filter-for-all-in-backward",
        task="conv-backward",
        tells="All filters get the gradient of the last one. Look at which channel of grad_output each filter's "
        "gradient is made from, and at which filter it ends up with.",
        edits={
            FILTER_ASSIGN: f"""for k in range(self.n_outchannel):
                    grads[:, row, col] = np.sum(grad_output[:, k] * {PIXELS})"""
        },
    ),
    Misconception(
        id="divided-by-the-batch",
        task="conv-backward",
        tells="Your gradient is too small by the number of examples, as a mean over them would be. Where the loss is a "
        "mean, grad_output holds that division already. Look at how the examples come together.",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", "grads / len(x)")},
    ),
    Misconception(
        id="divided-by-the-positions",
        task="conv-backward",
        tells="Your gradient is too small by the number of output positions, as a mean over them would be. Look at the "
        "formula in the notebook: what is done over rows and columns of the output?",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", "grads / (out_h * out_w)")},
    ),
    Misconception(
        id="mean-over-everything",
        task="conv-backward",
        tells="Your gradient is the mean over all examples and all output positions. Look at the docstring, and at how "
        "the products of all examples and positions come together: is it a mean or a sum?",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", "grads / (len(x) * out_h * out_w)")},
    ),
    Misconception(
        id="examples-summed-too-early",
        task="conv-backward",
        tells="Your gradient also holds products of one example's gradient with another one's pixels. Look at what "
        "comes first for each example, the product or the sum over the examples.",
        edits={
            SUM_OF_PRODUCTS: f"""np.einsum(
                    "khw,hw->k",
                    grad_output.sum(axis=0),
                    {PIXELS}.sum(axis=0),
                )"""
        },
    ),
    Misconception(
        id="upstream-reshaped-without-transpose",
        task="conv-backward",
        tells="Your gradient is what comes out when numbers of grad_output that belong to one filter are counted for "
        "another, as if its first two axes stood in the other order. Look at the order of the axes of grad_output "
        "wherever its shape changes.",
        edits={SUM_OF_PRODUCTS: f"grad_output.reshape(self.n_outchannel, -1) @ {PIXELS}.reshape(-1)"},
    ),
    # conv-backward: which pixels a weight meets
    Misconception(
        id="stride-ignored-in-backward",
        task="conv-backward",
        tells="Your gradient is made from pixels that are neighbours, where the stride sets them further apart. Look "
        "at which pixels one weight meets when the window moves on by the stride.",
        edits={PIXELS: "x[:, 0, row : row + out_h, col : col + out_w]"},
    ),
    Misconception(
        id="place-in-the-filter-times-stride",
        task="conv-backward",
        tells="Your gradient is made from pixels that are neighbours, and for most weights from a place that is too "
        "far away by a factor, the stride. Look at which of the two the stride pulls apart: the pixels within a "
        "window, or the windows.",
        edits={
            PIXELS: "x[:, 0, row * self.stride : row * self.stride + out_h, col * self.stride : col * self.stride + out_w]"
        },
    ),
    Misconception(
        id="pixel-index-in-grad-output",
        task="conv-backward",
        tells="With a stride above 1 an index lies outside of its axis. Look at what the last two axes of grad_output "
        "count, and at what each index in your code counts.",
        methods={
            "Convolution2dLayer.backward": """
                def backward(self, cache, grad_output):
                    x, size = cache["x"], self.filter_size
                    grads = np.zeros(self.weights.shape)
                    for row in range(0, x.shape[2] - size + 1, self.stride):
                        for col in range(0, x.shape[3] - size + 1, self.stride):
                            view = x[:, 0, row : row + size, col : col + size]
                            grads += np.einsum("nk,nij->kij", grad_output[:, :, row, col], view)
                    return grads
                """
        },
    ),
    Misconception(
        id="filter-size-3-assumed-in-backward",
        task="conv-backward",
        tells="The filters of this layer have another size than 3 by 3, and your gradient is that of three rows and "
        "three columns of them, or there is an error. Look at where the size of the filter comes from.",
        methods={
            "Convolution2dLayer.backward": """
                def backward(self, cache, grad_output):
                    x = cache["x"]
                    out_h, out_w = grad_output.shape[2:]
                    grads = np.zeros(self.weights.shape)
                    for row in range(3):
                        for col in range(3):
                            pixels = x[:, 0, row :: self.stride, col :: self.stride][:, :out_h, :out_w]
                            grads[:, row, col] = np.einsum("nkhw,nhw->k", grad_output, pixels)
                    return grads
                """
        },
    ),
    Misconception(
        id="thirty-two-filters-assumed-in-backward",
        task="conv-backward",
        tells="Your gradient is one for 32 filters, where this layer has another number. Look at where the number of "
        "filters in your result comes from.",
        edits={
            FILTER_GRADS: "grads = np.zeros((32, self.filter_size, self.filter_size))",
            FILTER_ASSIGN: FILTER_ASSIGN.replace("grads[:,", "grads[: self.n_outchannel,"),
        },
    ),
    Misconception(
        id="only-last-weight",
        task="conv-backward",
        tells="Only the lower right weight of each filter has a gradient, and all others are zero. Look at what is "
        "done once for each weight, and what is done only once.",
        edits={FILTER_ASSIGN: f"pass\n        {FILTER_ASSIGN}"},
    ),
    Misconception(
        id="batch-of-one-squeezed",
        task="conv-backward",
        tells="Only batches of a single example fail: an array has fewer axes there than the index that is used on it. "
        "Look at what becomes of an axis of length 1 on the way.",
        edits={
            CONV_BACKWARD_X: CONV_BACKWARD_X.replace('cache["x"]', 'np.squeeze(cache["x"])'),
            PIXELS: PIXELS.replace("x[:, 0,", "x[:,"),
        },
    ),
    # conv-backward: what is returned, and of which type
    Misconception(
        id="filter-gradient-squeezed",
        task="conv-backward",
        tells="Your gradient has lost its axes of length 1. It must keep the shape of the weights, whatever the "
        "lengths are. Look at each step that can change the number of axes.",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", "np.squeeze(grads)")},
    ),
    Misconception(
        id="channel-axis-kept-in-backward",
        task="conv-backward",
        tells="Your gradient has an axis too many, of length 1, behind that of the filters. Look at the shape of the "
        "weights, and compare it with the shape of what you return.",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", "grads[:, np.newaxis]")},
    ),
    Misconception(
        id="filters-last-in-backward",
        task="conv-backward",
        tells="Your gradient has the filters on its last axis. Look at its axes and at those of the weights, and "
        "compare them one by one.",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", "np.moveaxis(grads, 0, -1)")},
    ),
    Misconception(
        id="filter-gradient-in-a-dict",
        task="conv-backward",
        tells="What you return is a dict, as the MLP does. Look at the docstring of this layer: it asks for the array "
        "itself.",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", '{"weights": grads}')},
    ),
    Misconception(
        id="filter-gradient-as-a-list",
        task="conv-backward",
        tells="What you return is made of nested lists, and is no NumPy array. Look at the type of your result, from "
        "where it is made to where it is handed back.",
        edits={RETURN_FILTER_GRADS: RETURN_FILTER_GRADS.replace("grads", "grads.tolist()")},
    ),
    Misconception(
        id="single-precision-in-backward",
        task="conv-backward",
        tells="Your gradient agrees with the right one to about seven digits and no further, as numbers of the type "
        "float32 do. Look at the type of each array between the arguments and your result.",
        edits={
            SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("grad_output", "grad_output.astype(np.float32)").replace(
                PIXELS, f"{PIXELS}.astype(np.float32)"
            )
        },
    ),
    # conv-backward: what must stay as it is
    Misconception(
        id="x-of-the-last-forward",
        task="conv-backward",
        tells="Your gradient is that of the images that forward saw last, and not of those in the cache that was "
        "handed over. Look at where backward takes its pixels from: two caches can be alive at once.",
        edits={
            CONV_CACHE: f"self.x = x\n        {CONV_CACHE}",
            CONV_BACKWARD_X: CONV_BACKWARD_X.replace('cache["x"]', "self.x"),
        },
    ),
    Misconception(
        id="output-size-of-the-last-forward",
        task="conv-backward",
        tells="Shapes do not fit each other in backward, and only where forward was called on images of another size "
        "in between. Look at which sizes belong to the two arguments of backward.",
        edits={
            CONV_CACHE: f"self.size = self._get_output_size(x)\n        {CONV_CACHE}",
            CONV_BACKWARD_X: CONV_BACKWARD_X.replace("grad_output.shape[2:]", "self.size"),
            SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("    grad_output,", "    grad_output[:, :, :out_h, :out_w],"),
        },
    ),
    Misconception(
        id="batch-size-of-the-last-forward",
        task="conv-backward",
        tells="Your gradient leaves out the last examples of its batch: it counts as many as another batch had, on "
        "which forward was called. Look at where the number of examples comes from.",
        edits={
            CONV_CACHE: f"self.n = len(x)\n        {CONV_CACHE}",
            SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("    grad_output,", "    grad_output[: self.n],").replace(
                PIXELS, PIXELS.replace("x[:", "x[: self.n")
            ),
        },
    ),
    Misconception(
        id="positions-of-another-layer",
        task="conv-backward",
        tells="Your gradient is made from pixels that lie apart by another stride, which a second layer has that is in "
        "use at the same time. Look at everything that one layer can take over from another.",
        methods={
            "Convolution2dLayer.backward": """
                steps = {}

                def backward(self, cache, grad_output):
                    x, size = cache["x"], self.filter_size
                    stride = self.steps.setdefault(x.shape[2:], self.stride)
                    grads = np.zeros((self.n_outchannel, size, size))
                    for row, col in np.ndindex(grad_output.shape[2:]):
                        view = np.zeros((len(x), size, size))
                        part = x[:, 0, row * stride : row * stride + size, col * stride : col * stride + size]
                        view[:, : part.shape[1], : part.shape[2]] = part
                        grads += np.tensordot(grad_output[:, :, row, col], view, axes=(0, 0))
                    return grads
                """
        },
    ),
    Misconception(
        id="filter-gradient-accumulates-over-calls",
        task="conv-backward",
        tells="A later call returns the sum of its own gradient and of those of the calls before. Look at what can be "
        "left from an earlier call when a new one begins.",
        edits={
            FILTER_GRADS: """if not hasattr(self, "grads"):
            self.grads = np.zeros(self.weights.shape)
        grads = self.grads.copy()""",
            RETURN_FILTER_GRADS: f"self.grads = grads\n        {RETURN_FILTER_GRADS}",
            FILTER_ASSIGN: FILTER_ASSIGN.replace("=", "+=", 1),
        },
    ),
    Misconception(
        id="filter-gradient-accumulates-in-the-cache",
        task="conv-backward",
        tells="Called a second time with the same cache, backward returns the sum of both gradients. Look at what the "
        "first call can leave behind for the second.",
        edits={
            RETURN_FILTER_GRADS: """cache["grads"] = cache.get("grads", 0) + grads
        return cache["grads"]


class MaxPooling2dLayer:"""
        },
    ),
    Misconception(
        id="filter-gradient-kept-on-self",
        task="conv-backward",
        tells="After backward was called again, the first result holds the gradient of the second call. Look at how "
        "each call comes by an array of its own.",
        edits={
            FILTER_GRADS: """if not hasattr(self, "grads"):
            self.grads = np.zeros(self.weights.shape)
        grads = self.grads"""
        },
    ),
    Misconception(
        id="grad-output-multiplied-in-place",
        task="conv-backward",
        tells="Your numbers are what comes out when the numbers of grad_output are replaced by their products with pixels. Look at what happens to grad_output itself on the way.",
        edits={
            FILTER_ASSIGN: f"""grad_output *= {PIXELS}[:, np.newaxis]
                grads[:, row, col] = grad_output.sum(axis=(0, 2, 3))"""
        },
    ),
    Misconception(
        id="weights-updated-in-backward",
        task="conv-backward",
        tells="After backward the weights have moved against their gradient, as in a step of training. Look at what "
        "happens to the weights during the call: that step is the training loop's work.",
        edits={RETURN_FILTER_GRADS: f"self.weights -= 0.1 * grads\n        {RETURN_FILTER_GRADS}"},
    ),
    Misconception(
        id="x-popped-from-the-cache",
        task="conv-backward",
        tells='After a call of backward nothing is found under "x" in the cache, so it cannot be used a second time. '
        "Look at what happens to the entries of the cache during the call.",
        edits={CONV_BACKWARD_X: CONV_BACKWARD_X.replace('cache["x"]', 'cache.pop("x")')},
    ),
    # conv-backward: sizes, memory and calls that small examples do not have
    Misconception(
        id="filter-gradient-of-four-examples-at-most",
        task="conv-backward",
        tells="Your gradient is that of the first four examples of a batch; any further ones have no part in it. "
        "Look at how many examples your code sums over.",
        edits={
            SUM_OF_PRODUCTS: SUM_OF_PRODUCTS.replace("grad_output,", "grad_output[:4],").replace("x[:, 0", "x[:4, 0")
        },
    ),
    Misconception(
        id="filter-gradient-for-five-rows-at-most",
        task="conv-backward",
        tells="Only the first five rows and columns of a filter get a gradient; the others are 0. "
        "Look at how far your code goes through a filter.",
        edits={FILTER_ASSIGN: f"grads[:, row, col] = (max(row, col) < 5) * {SUM_OF_PRODUCTS}"},
    ),
    Misconception(
        id="filter-gradient-kept-by-id",
        task="conv-backward",
        tells="When grad_output is the same array as before but holds other numbers, the earlier gradient comes back. "
        "Look at what one call can take over from an earlier one.",
        methods={
            "Convolution2dLayer.backward": """
                def backward(self, cache, grad_output, known={}):
                    key = id(cache["x"]), id(grad_output), self.filter_size, self.stride, self.n_outchannel
                    if key not in known:
                        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
                        for row, col, view in self._get_filtersizeXfiltersize_views(cache["x"]):
                            grads += np.einsum("nk,nij->kij", grad_output[:, :, row, col], view[:, 0])
                        known[key] = cache["x"], grad_output, grads
                    return known[key][2]
                """
        },
    ),
    Misconception(
        id="windows-of-the-last-forward-of-that-size",
        task="conv-backward",
        tells="Your gradient is made of the pixels that forward saw last among images of this size, not of those of the "
        "cache that backward is given. Look at where backward takes the pixels from.",
        edits={
            CONV_CACHE: """cache = {"x": x, "out": np.zeros((len(x), self.n_outchannel, *self._get_output_size(x)))}
        self.columns = getattr(self, "columns", {})
        cache["columns"] = self.columns.setdefault(x.shape, np.zeros(x.shape))
        cache["columns"][...] = x""",
            CONV_BACKWARD_X: CONV_BACKWARD_X.replace('cache["x"]', 'cache.get("columns", cache["x"])'),
        },
    ),
    Misconception(
        id="pixels-in-memory-order-in-backward",
        task="conv-backward",
        tells="Your gradient is that of images whose pixels are read in the order in which they lie in memory. "
        "For a transposed or a reversed view that is another order than row by row. Look at the order in which pixels of x are read.",
        edits={
            CONV_BACKWARD_X: CONV_BACKWARD_X.replace(
                'cache["x"]', 'cache["x"].ravel(order="K").reshape(cache["x"].shape)'
            )
        },
    ),
    # pool-views: where the windows lie, and how many they are
    Misconception(
        id="windows-overlap",
        task="pool-views",
        tells="Your windows start at every pixel and overlap, as in a convolution with stride 1. Look at what the "
        "class says of where a window begins when the one before it has ended.",
        edits={
            POOL_ROWS: "for row in range(h - size + 1):",
            POOL_COLS: "for col in range(w - size + 1):",
            POOL_WINDOW: "x[:, :, row : row + size, col : col + size]",
        },
    ),
    Misconception(
        id="windows-start-at-window-number",
        task="pool-views",
        tells="The number of windows is right, but the second one starts only one pixel after the first. Look at how "
        "the number of a window leads to its first pixel.",
        edits={POOL_WINDOW: "x[:, :, row : row + size, col : col + size]"},
    ),
    Misconception(
        id="window-size-2-assumed",
        task="pool-views",
        tells="Your windows are two pixels wide and two apart, where those of this layer have another size. Look at "
        "where the size of your windows comes from.",
        edits={POOL_SIZE: "size = 2"},
    ),
    Misconception(
        id="windows-one-pixel-short",
        task="pool-views",
        tells="Your first window begins at the right place, but lacks its last row and its last column. Look at where "
        "a window ends: which pixel is its last one?",
        edits={POOL_WINDOW: "x[:, :, row * size : (row + 1) * size - 1, col * size : (col + 1) * size - 1]"},
    ),
    Misconception(
        id="one-window-too-few",
        task="pool-views",
        tells="The last row and the last column of windows are missing, although they fit. Look at how the windows are "
        "counted, in a small image that you can draw.",
        edits={POOL_ROWS: "for row in range(h // size - 1):", POOL_COLS: "for col in range(w // size - 1):"},
    ),
    Misconception(
        id="windows-cut-off-at-the-border",
        task="pool-views",
        tells="At the lower or right border there are windows that are not whole. Look at what the class says of rows "
        "and columns that do not fill a window, and at how your windows are counted.",
        edits={POOL_ROWS: "for row in range(-(-h // size)):", POOL_COLS: "for col in range(-(-w // size)):"},
    ),
    Misconception(
        id="border-windows-padded",
        task="pool-views",
        tells="At the lower or right border there are windows that are filled up with zeros. Look at what the class "
        "says of rows and columns that do not fill a window.",
        edits={
            POOL_SHAPE: POOL_SHAPE.replace(
                "h, w",
                "x = np.pad(x, ((0, 0), (0, 0), (0, -x.shape[2] % size), (0, -x.shape[3] % size)))\n        h, w",
            )
        },
    ),
    Misconception(
        id="windows-aligned-to-the-end",
        task="pool-views",
        tells="Your first window does not begin with the image: it leaves out the first rows or columns, as many as do "
        "not fill a window. Look at which pixels the docstring says are dropped.",
        edits={
            POOL_WINDOW: "x[:, :, h % size :, w % size :][\n"
            "                    :, :, row * size : (row + 1) * size, col * size : (col + 1) * size\n"
            "                ]"
        },
    ),
    Misconception(
        id="height-and-width-exchanged-in-views",
        task="pool-views",
        tells="There are as many rows of windows as there should be columns, and as many columns as there should be "
        "rows. Look at which axis of x each of the two numbers comes from.",
        edits={POOL_SHAPE: POOL_SHAPE.replace("h, w", "w, h")},
    ),
    Misconception(
        id="square-images-assumed-in-views",
        task="pool-views",
        tells="There are as many columns of windows as rows, although the image is not square. Look at which size of x "
        "the number of rows comes from, and which the number of columns.",
        edits={POOL_COLS: "for col in range(h // size):"},
    ),
    Misconception(
        id="view-slices-exchanged",
        task="pool-views",
        tells="The window that comes for row 0 and column 1 is the one that belongs to row 1 and column 0. Look at "
        "which of the two numbers leads to the rows of x, and which to its columns.",
        edits={POOL_WINDOW: "x[:, :, col * size : (col + 1) * size, row * size : (row + 1) * size]"},
    ),
    Misconception(
        id="row-and-column-exchanged",
        task="pool-views",
        tells="Your windows are right, but each comes with its column first and its row second. Look at the order that "
        "the docstring gives, and compare it with the order of what you hand out.",
        edits={POOL_YIELD: f"yield col, row, {POOL_WINDOW}"},
    ),
    # pool-views: what is yielded
    Misconception(
        id="pixels-for-window-numbers",
        task="pool-views",
        tells="Your windows are right, but each comes with the position of its upper left pixel. Look at the "
        "docstring: what do row and col count?",
        edits={POOL_YIELD: f"yield row * size, col * size, {POOL_WINDOW}"},
    ),
    Misconception(
        id="float-window-numbers",
        task="pool-views",
        tells="Your windows are right, but row and col are floats, which cannot be used as an index. Look at how these "
        "two numbers are calculated, and at the type that each step gives.",
        edits={POOL_YIELD: f"yield row * size / size, col * size / size, {POOL_WINDOW}"},
    ),
    Misconception(
        id="view-first",
        task="pool-views",
        tells="Each window comes before its row and its column. Look at the order that the docstring asks for, and at "
        "how the loop in forward takes apart what it gets.",
        edits={POOL_YIELD: f"yield {POOL_WINDOW}, row, col"},
    ),
    Misconception(
        id="place-as-a-pair",
        task="pool-views",
        tells="Each item has two parts, a pair of numbers and a window. Look at the docstring, and at how the loop in "
        "forward takes apart what it gets: how many parts does it expect?",
        edits={POOL_YIELD: f"yield (row, col), {POOL_WINDOW}"},
    ),
    Misconception(
        id="window-without-its-place",
        task="pool-views",
        tells="Only windows come, without their row and column, and forward cannot know where their maxima belong. "
        "Look at what the loop in forward expects of each turn.",
        edits={POOL_YIELD: f"yield {POOL_WINDOW}"},
    ),
    Misconception(
        id="maximum-for-window",
        task="pool-views",
        tells="What comes in the place of a window is its maximum in each channel, and not its pixels. Look at which "
        "method is meant to take the maximum.",
        edits={POOL_YIELD: f"yield row, col, {POOL_WINDOW}.max(axis=(2, 3))"},
    ),
    Misconception(
        id="view-squeezed",
        task="pool-views",
        tells="Your first window has lost its axes of length 1. All four axes stay, whatever their lengths are. Look "
        "at each step that can change the number of axes.",
        edits={POOL_YIELD: f"yield row, col, np.squeeze({POOL_WINDOW})"},
    ),
    Misconception(
        id="window-flattened",
        task="pool-views",
        tells="The pixels of your first window come in a single row. A window keeps its rows and columns. Look at what "
        "happens to its shape before it is handed out.",
        edits={POOL_YIELD: f"yield row, col, {POOL_WINDOW}.reshape(*x.shape[:2], -1)"},
    ),
    Misconception(
        id="window-transposed",
        task="pool-views",
        tells="Your first window lies at the right place, but its rows and columns are exchanged. Look at the order of "
        "its axes, on the way from x to what is handed out.",
        edits={POOL_YIELD: f"yield row, col, {POOL_WINDOW}.swapaxes(2, 3)"},
    ),
    Misconception(
        id="first-channel-only",
        task="pool-views",
        tells="Your first window holds the first channel only. Pooling works on every channel of its input. Look at "
        "which channels go into a window.",
        edits={POOL_WINDOW: POOL_WINDOW.replace("x[:, :,", "x[:, :1,")},
    ),
    Misconception(
        id="first-example-only",
        task="pool-views",
        tells="Your first window holds the first example only, where every example has the same window. Look at which "
        "examples go into a window.",
        edits={POOL_WINDOW: POOL_WINDOW.replace("x[:, :,", "x[:1, :,")},
    ),
    Misconception(
        id="channel-axis-dropped",
        task="pool-views",
        tells="Your first window has no axis for the channels, and holds the first channel only. Look at how many axes "
        "the docstring names, and at which step an axis is lost.",
        edits={POOL_WINDOW: POOL_WINDOW.replace("x[:, :,", "x[:, 0,")},
    ),
    Misconception(
        id="last-window-only",
        task="pool-views",
        tells="Only one window comes, the last one. Look at what is done once for each window, and what is done only "
        "once.",
        edits={POOL_YIELD: f"pass\n        {POOL_YIELD}"},
    ),
    Misconception(
        id="return-for-yield",
        task="pool-views",
        tells="What comes is one row, one column and one window, where such a triple is due for every window. Look at "
        "how a method hands out one value after the other, and goes on.",
        edits={POOL_YIELD: f"return row, col, {POOL_WINDOW}"},
    ),
    Misconception(
        id="stride-attribute-of-the-convolution",
        task="pool-views",
        tells="The pooling layer was asked for a stride, which it does not have. Look at the constructor of this "
        "class: what takes the stride's part here?",
        edits={
            POOL_WINDOW: POOL_WINDOW.replace("row * size", "row * self.stride").replace(
                "col * size", "col * self.stride"
            )
        },
    ),
    # pool-views: what must stay as it is
    Misconception(
        id="x-on-self-in-views",
        task="pool-views",
        tells="Where two arrays are walked over side by side, the walk over the first one brings windows of the "
        "second. Look at what each walk needs for itself, and at what both of them share.",
        methods={
            "MaxPooling2dLayer._get_filtersizeXfiltersize_views": """
                def _get_filtersizeXfiltersize_views(self, x):
                    self.x = x
                    size = self.filter_size

                    def walk():
                        for row in range(self.x.shape[2] // size):
                            for col in range(self.x.shape[3] // size):
                                yield row, col, self.x[:, :, row * size :, col * size :][:, :, :size, :size]

                    return walk()
                """
        },
    ),
    Misconception(
        id="list-of-windows-on-self",
        task="pool-views",
        tells="Where two arrays are walked over, a walk over one of them also brings the windows of the other. Look at "
        "what can be left from one walk when the next begins.",
        methods={
            "MaxPooling2dLayer._get_filtersizeXfiltersize_views": """
                def _get_filtersizeXfiltersize_views(self, x):
                    size = self.filter_size
                    if not hasattr(self, "windows"):
                        self.windows = []
                    for row in range(x.shape[2] // size):
                        for col in range(x.shape[3] // size):
                            self.windows.append((row, col, x[:, :, row * size :, col * size :][:, :, :size, :size]))
                    return self.windows
                """
        },
    ),
    Misconception(
        id="windows-of-an-earlier-array",
        task="pool-views",
        tells="The walk over an array brings windows of another one of the same shape, which was walked over before. A "
        "shape says where windows lie, and not what is in them. Look at which array your windows come from.",
        methods={
            "MaxPooling2dLayer._get_filtersizeXfiltersize_views": """
                def _get_filtersizeXfiltersize_views(self, x):
                    size = self.filter_size
                    if not hasattr(self, "windows") or self.shape != x.shape:
                        self.shape = x.shape
                        self.windows = [
                            (row, col, x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size])
                            for row, col in np.ndindex(x.shape[2] // size, x.shape[3] // size)
                        ]
                    return self.windows
                """
        },
    ),
    Misconception(
        id="place-on-self-in-views",
        task="pool-views",
        tells="Of two walks over windows at the same time, the first one leaves windows out. Look at what the two "
        "walks share, and at what each of them needs for itself.",
        methods={
            "MaxPooling2dLayer._get_filtersizeXfiltersize_views": """
                def _get_filtersizeXfiltersize_views(self, x):
                    size = self.filter_size
                    self.row = 0
                    while self.row < x.shape[2] // size:
                        self.col = 0
                        while self.col < x.shape[3] // size:
                            top, left = self.row * size, self.col * size
                            yield self.row, self.col, x[:, :, top : top + size, left : left + size]
                            self.col += 1
                        self.row += 1
                """
        },
    ),
    Misconception(
        id="window-size-of-the-newest-layer",
        task="pool-views",
        tells="A layer brings windows of another size, which a second layer has that is in use at the same time. Look "
        "at everything that one layer can take over from another.",
        edits={POOL_SIZE: "size = self.size"},
        methods={
            "MaxPooling2dLayer.__init__": """
                def __init__(self, filter_size=2):
                    self.filter_size = MaxPooling2dLayer.size = filter_size
                """
        },
    ),
    Misconception(
        id="views-assume-contiguous",
        task="pool-views",
        tells="Here x is a slice of a larger array, and the first window holds numbers that lie one after the other in "
        "memory. Look at what your code takes for granted of where the pixels of x lie.",
        methods={
            "MaxPooling2dLayer._get_filtersizeXfiltersize_views": """
                def _get_filtersizeXfiltersize_views(self, x):
                    size = self.filter_size
                    batch, channels, h, w = x.shape
                    windows = np.lib.stride_tricks.as_strided(
                        x,
                        (batch, channels, h // size, w // size, size, size),
                        (8 * channels * h * w, 8 * h * w, 8 * w * size, 8 * size, 8 * w, 8),
                    )
                    for row, col in np.ndindex(h // size, w // size):
                        yield row, col, windows[:, :, row, col]
                """
        },
    ),
    # pool-views: sizes, memory and calls that small examples do not have
    Misconception(
        id="views-kept-by-id",
        task="pool-views",
        tells="When x is the same array as before but holds other pixels, windows with the earlier pixels come back. "
        "Look at what one call can take over from an earlier one.",
        methods={
            "MaxPooling2dLayer._get_filtersizeXfiltersize_views": """
                def _get_filtersizeXfiltersize_views(self, x, known={}):
                    size = self.filter_size
                    if (id(x), size) not in known:
                        seen = x.copy()
                        places = np.ndindex(x.shape[2] // size, x.shape[3] // size)
                        known[id(x), size] = x, [
                            (row, col, seen[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size])
                            for row, col in places
                        ]
                    return known[id(x), size][1]
                """
        },
    ),
    Misconception(
        id="windows-of-four-rows-at-most",
        task="pool-views",
        tells="Your windows are never larger than four rows and four columns, whatever the layer's filter size is. "
        "Look at where a window ends.",
        edits={POOL_YIELD: f"yield row, col, {POOL_WINDOW}[:, :, :4, :4]"},
    ),
    Misconception(
        id="views-in-memory-order",
        task="pool-views",
        tells="Your windows are those of images whose pixels are read in the order in which they lie in memory. "
        "For a transposed or a reversed view that is another order than row by row. Look at the order in which pixels of x are read.",
        edits={POOL_SIZE: f'{POOL_SIZE}\n        x = x.ravel(order="K").reshape(x.shape)'},
    ),
    # pool-forward: what becomes of a window
    Misconception(
        id="minimum-for-maximum",
        task="pool-forward",
        tells="Your values are the smallest pixels of the windows. Look at which end of the scale this layer keeps, "
        "and at how your code finds it.",
        edits={MAXIMA: "view.min(axis=(2, 3))"},
    ),
    Misconception(
        id="mean-for-maximum",
        task="pool-forward",
        tells="Your values are the means of the windows: that is another kind of pooling. Look at the name of the "
        "layer, and at what it keeps of a window.",
        edits={MAXIMA: "view.mean(axis=(2, 3))"},
    ),
    Misconception(
        id="maximum-from-zero",
        task="pool-forward",
        tells="Where a window has only negative pixels your value is zero, and all others are right. Look at what "
        "happens to such a window, pixel by pixel.",
        edits={MAXIMA: "np.maximum(view.max(axis=(2, 3)), 0)"},
    ),
    Misconception(
        id="maximum-from-a-small-number",
        task="pool-forward",
        tells="Where the pixels of a window are far below zero, your value is larger than any of them. Look at what "
        "the first pixel of a window is compared with.",
        edits={f"{MAXIMA}\n": "view.max(axis=(2, 3), initial=-999)\n"},
    ),
    Misconception(
        id="largest-magnitude",
        task="pool-forward",
        tells="Your values are the largest magnitudes, and none is negative. Look at what happens to the sign of a "
        "pixel before the largest one is found.",
        edits={MAXIMA: "np.abs(view).max(axis=(2, 3))"},
    ),
    Misconception(
        id="place-for-value",
        task="pool-forward",
        tells="Your values are places, the numbers of the largest pixels within their windows, and not these pixels. "
        "Look at what each step gives: a value, or the place where it stands?",
        edits={MAXIMA: "view.reshape(batch, channels, -1).argmax(axis=2)"},
    ),
    Misconception(
        id="upper-left-pixel",
        task="pool-forward",
        tells="Your values are the upper left pixels of the windows. Look at the other pixels of a window, and at how "
        "they take part in your result.",
        edits={MAXIMA: "view[:, :, 0, 0]"},
    ),
    Misconception(
        id="last-pixels-of-the-window-left-out",
        task="pool-forward",
        tells="Your values are the maxima of windows without their last row and their last column. Look at which "
        "pixels of a window take part, from the first to the last.",
        edits={MAXIMA: "view[:, :, :-1, :-1].max(axis=(2, 3), initial=-np.inf)"},
    ),
    Misconception(
        id="maximum-over-channels",
        task="pool-forward",
        tells="All of your channels are alike: each maximum is taken over the channels too. Look at which axes belong "
        "to a window, and at how many numbers it has to give.",
        edits={MAXIMA: "view.max(axis=(1, 2, 3))[:, np.newaxis]"},
    ),
    Misconception(
        id="maximum-over-examples",
        task="pool-forward",
        tells="All of your examples are alike: each maximum is one over the whole batch. Look at which axes belong to "
        "a window, and at how many numbers it has to give.",
        edits={MAXIMA: "view.max(axis=(0, 2, 3))"},
    ),
    Misconception(
        id="one-maximum-for-all",
        task="pool-forward",
        tells="At each position all examples and channels share one maximum. Look at how many numbers one window has "
        "to give, and at which pixels each of them is the largest of.",
        edits={MAXIMA: "view.max()"},
    ),
    Misconception(
        id="maximum-of-the-image",
        task="pool-forward",
        tells="Every place of a channel holds the maximum of the whole image. Look at which pixels each of your maxima "
        "is taken over.",
        edits={MAXIMA: "x.max(axis=(2, 3))"},
    ),
    Misconception(
        id="maximum-carried-over",
        task="pool-forward",
        tells="Your values never fall from one window to the next: each is the largest pixel of its own window and of "
        "all windows before it. Look at what the value of one window has to do with the windows before it.",
        edits={
            POOL_LOOP: f"largest = np.full((batch, channels), -np.inf)\n        {POOL_LOOP}",
            POOL_ASSIGN: f'largest = np.maximum(largest, {MAXIMA})\n            cache["out"][:, :, row, col] = largest',
        },
    ),
    # pool-forward: where the windows lie, and where their maxima go
    Misconception(
        id="pooled-windows-overlap",
        task="pool-forward",
        tells="Your output is that of windows which start at every pixel and overlap, so it is too large. "
        "Look at how far this layer moves from one window to the next.",
        methods={
            "MaxPooling2dLayer.forward": """
                def forward(self, x):
                    size = self.filter_size
                    batch, channels, h, w = x.shape
                    cache = {"x": x, "out": np.zeros((batch, channels, h - size + 1, w - size + 1))}
                    for row, col in np.ndindex(h - size + 1, w - size + 1):
                        view = x[:, :, row : row + size, col : col + size]
                        cache["out"][:, :, row, col] = view.max(axis=(2, 3))
                    return cache
                """
        },
    ),
    Misconception(
        id="pooled-windows-one-pixel-apart",
        task="pool-forward",
        tells="Your output has the right size, but its values are those of windows that lie only one pixel apart. Look "
        "at how a row of the output leads to the rows of x.",
        edits={MAXIMA: "x[:, :, row : row + self.filter_size, col : col + self.filter_size].max(axis=(2, 3))"},
    ),
    Misconception(
        id="pool-size-2-assumed",
        task="pool-forward",
        tells="Your output is that of windows of 2 by 2, where those of this layer have another size. Look at where "
        "the size of your windows comes from.",
        methods={
            "MaxPooling2dLayer.forward": """
                def forward(self, x):
                    batch, channels, h, w = x.shape
                    cache = {"x": x, "out": np.zeros((batch, channels, h // 2, w // 2))}
                    for row, col in np.ndindex(h // 2, w // 2):
                        view = x[:, :, 2 * row : 2 * row + 2, 2 * col : 2 * col + 2]
                        cache["out"][:, :, row, col] = view.max(axis=(2, 3))
                    return cache
                """
        },
    ),
    Misconception(
        id="remainder-pooled",
        task="pool-forward",
        tells="Your output also has maxima for the rows or columns that do not fill a window. Look at the docstring: "
        "what becomes of them?",
        methods={
            "MaxPooling2dLayer.forward": """
                def forward(self, x):
                    size = self.filter_size
                    batch, channels, h, w = x.shape
                    cache = {"x": x, "out": np.zeros((batch, channels, -(-h // size), -(-w // size)))}
                    for row, col in np.ndindex(cache["out"].shape[2:]):
                        view = x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]
                        cache["out"][:, :, row, col] = view.max(axis=(2, 3))
                    return cache
                """
        },
    ),
    Misconception(
        id="remainder-not-cut-off",
        task="pool-forward",
        tells="All pixels of x were to be brought into the shape of the whole windows, which have no room for rows and "
        "columns that are left over. Look at what the docstring says becomes of these.",
        methods={
            "MaxPooling2dLayer.forward": """
                def forward(self, x):
                    size = self.filter_size
                    batch, channels, h, w = x.shape
                    windows = x.reshape(batch, channels, h // size, size, w // size, size)
                    return {"x": x, "out": windows.max(axis=(3, 5))}
                """
        },
    ),
    Misconception(
        id="windows-by-reshape",
        task="pool-forward",
        tells="Your values are maxima of pixels that follow each other along the rows, and not of square windows. Look "
        "at which pixels come together in one window, and where they lie in the image.",
        methods={
            "MaxPooling2dLayer.forward": """
                def forward(self, x):
                    size = self.filter_size
                    batch, channels, h, w = x.shape
                    whole = x[:, :, : h // size * size, : w // size * size]
                    windows = whole.reshape(batch, channels, h // size, w // size, size, size)
                    return {"x": x, "out": windows.max(axis=(4, 5))}
                """
        },
    ),
    Misconception(
        id="pooled-output-transposed",
        task="pool-forward",
        tells="Your maxima are right, but rows and columns of the output are exchanged. Look at the order of its last "
        "two axes, on the whole way from the windows to the output.",
        edits={
            POOL_CACHE: POOL_CACHE.replace("h //", "? //").replace("w //", "h //").replace("? //", "w //"),
            POOL_ASSIGN: f'cache["out"][:, :, col, row] = {MAXIMA}',
        },
    ),
    Misconception(
        id="only-last-pooled-window",
        task="pool-forward",
        tells="Only the last window of each image has its maximum in your output, and all other places hold zero. Look "
        "at what is done once for each window, and what is done only once.",
        edits={POOL_ASSIGN: f"pass\n        {POOL_ASSIGN}"},
    ),
    Misconception(
        id="only-first-example-pooled",
        task="pool-forward",
        tells="Your first example is right, and the output of the others is zero. Look at what becomes of the second "
        "example, from its pixels to its place in the output.",
        edits={POOL_ASSIGN: f'cache["out"][0, :, row, col] = {MAXIMA}[0]'},
    ),
    # pool-forward: what is returned, and of which type
    Misconception(
        id="pooled-to-integers",
        task="pool-forward",
        tells="Your maxima are whole numbers: everything after the decimal point is lost. Look at the type of each "
        "array on the way from x to the output.",
        edits={POOL_CACHE: POOL_CACHE.replace("size))}", "size), dtype=int)}")},
    ),
    Misconception(
        id="pooled-in-single-precision",
        task="pool-forward",
        tells="Your maxima are right to about seven digits only, as numbers of the type float32 are. Look at the type "
        "of each array on the way from x to the output.",
        edits={MAXIMA: "view.astype(np.float32).max(axis=(2, 3))"},
    ),
    Misconception(
        id="pooled-output-squeezed",
        task="pool-forward",
        tells="Your output has lost its axes of length 1, where all four have to stay. Look at each step that can "
        "change the number of axes.",
        edits={POOL_RETURN: POOL_RETURN.replace("return", 'cache["out"] = np.squeeze(cache["out"])\n        return')},
    ),
    Misconception(
        id="returns-pooled-output",
        task="pool-forward",
        tells="What forward returns is an array, in which nothing can be found by name. Look at the contract: a "
        "forward hands over a dict with two entries.",
        edits={POOL_RETURN: f'{POOL_RETURN}["out"]'},
    ),
    Misconception(
        id="cropped-x-in-the-cache",
        task="pool-forward",
        tells='Under "x" stand images without the rows and columns that were left over. Look at which array ends up '
        "there: backward has to return a gradient in the shape of the whole x.",
        edits={
            POOL_RETURN: POOL_RETURN.replace(
                "return", 'cache["x"] = x[:, :, : h - h % self.filter_size, : w - w % self.filter_size]\n        return'
            )
        },
    ),
    # pool-forward: what must stay as it is
    Misconception(
        id="windows-sorted-in-place",
        task="pool-forward",
        tells="The pixels that stand where those of x should be have changed places: within each window its rows are "
        "sorted. Look at what happens to x itself, of which every window can be a part.",
        edits={
            POOL_ASSIGN: """view.sort(axis=3)
            cache["out"][:, :, row, col] = view[:, :, :, -1].max(axis=2)"""
        },
    ),
    Misconception(
        id="mask-written-into-x",
        task="pool-forward",
        tells="Where the pixels of x should be there are ones and zeros, a one at the largest pixel of each window. "
        "Look at what happens to x itself, of which every window can be a part.",
        edits={
            POOL_ASSIGN: f"""{POOL_ASSIGN}
            view[...] = view == view.max(axis=(2, 3), keepdims=True)"""
        },
    ),
    Misconception(
        id="pooled-size-of-the-first-call",
        task="pool-forward",
        tells="An index lies outside of its axis when forward is called on images of another size than before; on "
        "images of one size all is right. Look at which sizes have to follow the x of the call.",
        edits={
            POOL_CACHE: """if not hasattr(self, "out_size"):
            self.out_size = h // self.filter_size, w // self.filter_size
        cache = {"x": x, "out": np.zeros((batch, channels, *self.out_size))}"""
        },
    ),
    Misconception(
        id="pooled-output-kept-on-self",
        task="pool-forward",
        tells="After forward was called again, an earlier cache holds the output of the later call. Look at how each "
        "call comes by an array of its own.",
        edits={
            POOL_CACHE: """shape = (batch, channels, h // self.filter_size, w // self.filter_size)
        if not hasattr(self, "out") or self.out.shape != shape:
            self.out = np.zeros(shape)
        cache = {"x": x, "out": self.out}"""
        },
        same_as=("pooling-cache-kept-on-self",),
    ),
    Misconception(
        id="pooling-cache-kept-on-self",
        task="pool-forward",
        tells="After further calls of forward, an earlier cache holds the output of a later call, and no longer its "
        "own. Look at how each call comes by a cache that no other call can change.",
        edits={
            POOL_CACHE: f"""{POOL_CACHE}
        if not hasattr(self, "cache"):
            self.cache = {{}}
        self.cache.update(cache)
        cache = self.cache"""
        },
        same_as=("pooled-output-kept-on-self",),
    ),
    Misconception(
        id="maxima-of-earlier-pixels",
        task="pool-forward",
        tells="Your output is the right one for the pixels that this x held in an earlier call: since then the same "
        "array has got new numbers. Look at what your output is made from when you are given a known array again.",
        edits={
            POOL_CACHE: f"""if getattr(self, "seen", None) is x:
            return dict(self.found)
        {POOL_CACHE}""",
            POOL_RETURN: f"{MAXIMA}\n            ### END SOLUTION\n        self.seen, self.found = x, cache\n        return cache",
        },
    ),
    Misconception(
        id="pooling-windows-of-another-layer",
        task="pool-forward",
        tells="Your output is that of windows of another size, which a second layer has that is in use at the same "
        "time. Look at everything that one layer can take over from another.",
        methods={
            "MaxPooling2dLayer.forward": """
                sizes = {}

                def forward(self, x):
                    size = self.sizes.setdefault(x.shape[2:], self.filter_size)
                    out = np.zeros((*x.shape[:2], x.shape[2] // size, x.shape[3] // size))
                    for row, col in np.ndindex(out.shape[2:]):
                        view = x[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]
                        out[:, :, row, col] = view.max(axis=(2, 3))
                    return {"x": x, "out": out}
                """
        },
    ),
    Misconception(
        id="pooling-assumes-contiguous",
        task="pool-forward",
        tells="Here x is a slice of a larger array, and your maxima are those of numbers that lie one after the other "
        "in memory. Look at what your code takes for granted of where the pixels of x lie.",
        methods={
            "MaxPooling2dLayer.forward": """
                def forward(self, x):
                    size = self.filter_size
                    batch, channels, h, w = x.shape
                    windows = np.lib.stride_tricks.as_strided(
                        x,
                        (batch, channels, h // size, w // size, size, size),
                        (8 * channels * h * w, 8 * h * w, 8 * w * size, 8 * size, 8 * w, 8),
                    )
                    return {"x": x, "out": windows.max(axis=(4, 5))}
                """
        },
    ),
    # pool-forward: sizes, memory and calls that small examples do not have
    Misconception(
        id="maxima-squeezed",
        task="pool-forward",
        tells="The maxima of a window lose their channel axis when there is one channel, and then do not fit where "
        "several examples are to be filled. Look at what is taken away from their shape.",
        edits={MAXIMA: "view.max(axis=(2, 3), keepdims=True).squeeze()"},
    ),
    Misconception(
        id="maximum-of-four-rows-at-most",
        task="pool-forward",
        tells="Of windows with more than four rows and columns, only the first four are looked at. "
        "Look at how far your code goes through a window.",
        edits={MAXIMA: "view[:, :, :4, :4].max(axis=(2, 3))"},
    ),
    Misconception(
        id="maxima-of-four-examples-at-most",
        task="pool-forward",
        tells="Only the first four examples of a batch get maxima; those of any further example are still 0. "
        "Look at how many examples your code goes over.",
        edits={POOL_ASSIGN: 'cache["out"][:4, :, row, col] = view[:4].max(axis=(2, 3))'},
    ),
    # pool-backward: which pixels get the gradient
    Misconception(
        id="whole-window-gets-the-gradient",
        task="pool-backward",
        tells="Every pixel of a window gets the window's gradient. "
        "Look at which pixels moved the output when forward looked at the window.",
        edits={GRAD_ASSIGN: f"grad_view[...] = {UPSTREAM}"},
    ),
    Misconception(
        id="gradient-spread-evenly",
        task="pool-backward",
        tells="The gradient of each window is shared out evenly among its pixels, as in mean pooling. Look at which "
        "pixel decided the output here, and at what the others had to do with it.",
        edits={GRAD_ASSIGN: f"grad_view[...] = {UPSTREAM} / self.filter_size**2"},
    ),
    Misconception(
        id="smallest-pixel-gets-the-gradient",
        task="pool-backward",
        tells="The gradient of each window goes to its smallest pixel. Look at which pixel of a window forward kept, "
        "and at how backward finds that pixel again.",
        edits={MASK: MASK.replace("max", "min")},
    ),
    Misconception(
        id="largest-magnitude-gets-the-gradient",
        task="pool-backward",
        tells="The gradient goes to the pixel that is farthest from zero, which may be a negative one. Look at what is "
        "compared when the largest pixel is searched.",
        edits={MASK: "mask = np.abs(view) == np.abs(view).max(axis=(2, 3), keepdims=True)"},
    ),
    Misconception(
        id="last-tie",
        task="pool-backward",
        tells="Where several pixels of a window are largest, the last of them gets the gradient. Look at the rule for "
        "ties in the docstring, and at what happens to two equal pixels in your code.",
        edits={
            GRAD_ASSIGN: f"""flat = mask.reshape(*mask.shape[:2], -1)
            last = flat.cumsum(axis=2) == flat.sum(axis=2, keepdims=True)
            grad_view[...] = (last & flat).reshape(mask.shape) * {UPSTREAM}"""
        },
    ),
    Misconception(
        id="ties-share",
        task="pool-backward",
        tells="Where several pixels of a window are largest, the gradient is divided among them. Look at the rule for "
        "ties in the docstring.",
        edits={GRAD_ASSIGN: f"{GRAD_ASSIGN} / mask.sum(axis=(2, 3), keepdims=True)"},
    ),
    Misconception(
        id="tied-windows-get-nothing",
        task="pool-backward",
        tells="Where several pixels of a window are largest, none of them gets the gradient. Look at what a pixel has "
        "to be to get it: larger than all others, or as large as the largest?",
        edits={GRAD_ASSIGN: f"{GRAD_ASSIGN} * (mask.sum(axis=(2, 3), keepdims=True) == 1)"},
    ),
    Misconception(
        id="largest-of-each-row",
        task="pool-backward",
        tells="In every row of a window one pixel gets the gradient, the largest of that row. Look at how many maxima "
        "a window has, and at which pixels compete with each other.",
        edits={MASK: MASK.replace("(2, 3)", "3")},
    ),
    Misconception(
        id="largest-of-the-image",
        task="pool-backward",
        tells="Only the largest pixel of each whole image gets a gradient. Look at which pixels compete with each "
        "other: every window has a maximum of its own.",
        edits={MASK: MASK.replace("view.max", "x.max")},
    ),
    Misconception(
        id="largest-over-channels",
        task="pool-backward",
        tells="In each window only one channel gets a gradient: the channels compete with each other. Look at which "
        "pixels belong to one window, and at how many maxima there are at each position.",
        edits={MASK: MASK.replace("(2, 3)", "(1, 2, 3)")},
    ),
    Misconception(
        id="largest-over-examples",
        task="pool-backward",
        tells="In each window only one example gets a gradient: the examples compete with each other. Look at which "
        "pixels belong to one window, and at how many maxima there are at each position.",
        edits={MASK: MASK.replace("(2, 3)", "(0, 2, 3)")},
    ),
    Misconception(
        id="largest-over-everything",
        task="pool-backward",
        tells="At each position only one pixel of the whole batch gets a gradient. Look at which pixels compete with "
        "each other: every example and every channel has a maximum of its own.",
        edits={MASK: "mask = view == view.max()"},
    ),
    Misconception(
        id="only-positive-maxima",
        task="pool-backward",
        tells="Windows whose maximum is negative get no gradient. Look at what happens to a window without any "
        "positive pixel: this layer has no activation function.",
        edits={MASK: f"{MASK}\n            mask &= view > 0"},
    ),
    Misconception(
        id="largest-above-a-small-number",
        task="pool-backward",
        tells="Where all pixels lie far below zero, the gradient of a window goes to its first one. Look at what the "
        "pixels of such a window are compared with.",
        methods={
            "MaxPooling2dLayer.backward": """
                def backward(self, cache, grad_output):
                    x, size = cache["x"], self.filter_size
                    grads = np.zeros(x.shape)
                    for n, channel, row, col in np.ndindex(grad_output.shape):
                        best, place = -999, (row * size, col * size)
                        for i in range(row * size, (row + 1) * size):
                            for j in range(col * size, (col + 1) * size):
                                if x[n, channel, i, j] > best:
                                    best, place = x[n, channel, i, j], (i, j)
                        grads[(n, channel, *place)] = grad_output[n, channel, row, col]
                    return grads
                """
        },
    ),
    Misconception(
        id="equal-up-to-a-tolerance",
        task="pool-backward",
        tells="Pixels that are only close to the largest one get the gradient too. Look at how pixels are compared: a "
        "tie is between equal numbers.",
        edits={MASK: "mask = np.isclose(view, view.max(axis=(2, 3), keepdims=True))"},
    ),
    Misconception(
        id="pixels-nudged-against-ties",
        task="pool-backward",
        tells="Of pixels that differ in their last digits only, a wrong one gets the gradient. Look at what happens to "
        "the last digits of the pixels before they are compared.",
        edits={
            MASK: """nudged = view - 1e-9 * np.arange(self.filter_size**2).reshape(view.shape[2:])
            mask = nudged == nudged.max(axis=(2, 3), keepdims=True)"""
        },
    ),
    Misconception(
        id="place-of-the-maximum-exchanged",
        task="pool-backward",
        tells="Within a window the gradient lands at the maximum's place with row and column exchanged. Look at how "
        "the place of the maximum is found, and at how it is used.",
        edits={
            GRAD_ASSIGN: """size = self.filter_size
            for n, k in np.ndindex(view.shape[:2]):
                col_in, row_in = divmod(int(view[n, k].argmax()), size)
                grad_view[n, k, row_in, col_in] = grad_output[n, k, row, col]"""
        },
    ),
    Misconception(
        id="place-in-window-for-place-in-image",
        task="pool-backward",
        tells="All gradients land in the first window of their image. Look at how a place within a window becomes a "
        "place in the image.",
        edits={
            GRAD_ASSIGN: """size = self.filter_size
            for n, k in np.ndindex(view.shape[:2]):
                row_in, col_in = divmod(int(view[n, k].argmax()), size)
                grads[n, k, row_in, col_in] = grad_output[n, k, row, col]"""
        },
    ),
    Misconception(
        id="pool-size-2-assumed-in-backward",
        task="pool-backward",
        tells="Your gradient is that of windows of 2 by 2, or there is an error, where the windows of this layer have "
        "another size. Look at where the size of your windows comes from.",
        methods={
            "MaxPooling2dLayer.backward": """
                def backward(self, cache, grad_output):
                    x = cache["x"]
                    grads = np.zeros(x.shape)
                    for row, col in np.ndindex(grad_output.shape[2:]):
                        place = (slice(None), slice(None), slice(2 * row, 2 * row + 2), slice(2 * col, 2 * col + 2))
                        mask = x[place] == x[place].max(axis=(2, 3), keepdims=True)
                        grads[place] = mask * grad_output[:, :, row, col, np.newaxis, np.newaxis]
                    return grads
                """
        },
    ),
    Misconception(
        id="windows-one-pixel-apart-in-backward",
        task="pool-backward",
        tells="Your gradient is that of windows that lie one pixel apart and overlap. Look at how a row of grad_output "
        "leads to the rows of x.",
        methods={
            "MaxPooling2dLayer.backward": """
                def backward(self, cache, grad_output):
                    x, size = cache["x"], self.filter_size
                    grads = np.zeros(x.shape)
                    for row, col in np.ndindex(grad_output.shape[2:]):
                        place = (slice(None), slice(None), slice(row, row + size), slice(col, col + size))
                        mask = x[place] == x[place].max(axis=(2, 3), keepdims=True)
                        grads[place] += mask * grad_output[:, :, row, col, np.newaxis, np.newaxis]
                    return grads
                """
        },
    ),
    # pool-backward: what they get
    Misconception(
        id="mask-without-gradient",
        task="pool-backward",
        tells="At each maximum there is a one: the right places, without the gradient that belongs there. Look at "
        "where grad_output comes in, and at what becomes of its numbers.",
        edits={GRAD_ASSIGN: "grad_view[...] = mask"},
    ),
    Misconception(
        id="maximum-for-gradient",
        task="pool-backward",
        tells="At each maximum there is the maximum itself, and not the gradient of its window. Look at which of the "
        "arrays your numbers come from.",
        edits={GRAD_ASSIGN: "grad_view[...] = mask * view"},
    ),
    Misconception(
        id="gradient-times-pixel",
        task="pool-backward",
        tells="At each maximum there is the gradient of its window times the pixel. Look at the factor: how far does "
        "the output move when the largest pixel is nudged?",
        edits={GRAD_ASSIGN: f"grad_view[...] = view * {GRAD_ASSIGN.partition(' = ')[2]}"},
    ),
    Misconception(
        id="negative-image-gradient",
        task="pool-backward",
        tells="Your gradient is at the right places, with the wrong sign. Look at each step that can turn a sign, on "
        "the way from grad_output to your result.",
        edits={GRAD_ASSIGN: GRAD_ASSIGN.replace("mask *", "-mask.astype(float) *")},
    ),
    Misconception(
        id="image-gradient-divided-by-the-batch",
        task="pool-backward",
        tells="Your gradient is too small by the number of examples, and right otherwise. Look at how the numbers of "
        "grad_output come into your result: this layer takes no mean.",
        edits={GRAD_ASSIGN: f"{GRAD_ASSIGN} / len(x)"},
    ),
    Misconception(
        id="only-first-example-in-backward",
        task="pool-backward",
        tells="Your first example is right, and the gradient of the others is zero. Look at what becomes of the second "
        "example, from grad_output to its place in your result.",
        edits={
            GRAD_ASSIGN: GRAD_ASSIGN.replace("[...]", "[0]")
            .replace("mask", "mask[0]")
            .replace("[:, :, row", "[0, :, row")
        },
    ),
    Misconception(
        id="gradient-index-exchanged",
        task="pool-backward",
        tells="An index lies outside of its axis, wherever there is more than one window. Look at the order of row and "
        "column at each index, and at the order of the axes that it is used on.",
        edits={UPSTREAM: UPSTREAM.replace("row, col", "col, row")},
    ),
    Misconception(
        id="new-axes-forgotten",
        task="pool-backward",
        tells="The shapes of two arrays do not fit each other. Write both below each other, aligned at the right as "
        "NumPy pairs them. Look at which axis meets which: are some missing, and where?",
        edits={UPSTREAM: "grad_output[:, :, row, col]"},
    ),
    # pool-backward: where it is written, and what is returned
    Misconception(
        id="grad-view-rebound",
        task="pool-backward",
        tells="Your result is zero everywhere. Look at the way of a single number of grad_output: into which array is "
        "it written, and which array is returned?",
        edits={GRAD_ASSIGN: GRAD_ASSIGN.replace("grad_view[...]", "grad_view")},
        same_as=("written-into-x",),
    ),
    Misconception(
        id="written-into-x",
        task="pool-backward",
        tells="After backward there are gradients in x, in the place of pixels. Look at which array the gradient of a "
        "window is written into, and at which array is returned.",
        edits={GRAD_ASSIGN: GRAD_ASSIGN.replace("grad_view", "view")},
        same_as=("grad-view-rebound",),
    ),
    Misconception(
        id="remainder-keeps-the-pixels",
        task="pool-backward",
        tells="Pixels that no window sees appear in your gradient with their own values. Look at what your result "
        "holds at places that belong to no window, and where that comes from.",
        edits={POOL_BACKWARD_X: POOL_BACKWARD_X.replace("np.zeros(x.shape)", "x.copy()")},
    ),
    Misconception(
        id="result-without-the-remainder",
        task="pool-backward",
        tells="Your result lacks the rows or columns that are left over. Look at the docstring: in which shape is the "
        "gradient due?",
        edits={
            RETURN_IMAGE_GRADS: RETURN_IMAGE_GRADS.replace(
                "grads",
                "grads[:, :, : self.filter_size * len(grad_output[0, 0]), : self.filter_size * grad_output.shape[3]]",
            )
        },
    ),
    Misconception(
        id="only-last-window-in-backward",
        task="pool-backward",
        tells="Only the last window of each image has a gradient, and all other places hold zero. Look at what is done "
        "once for each window, and what is done only once.",
        edits={MASK: "pass", GRAD_ASSIGN: f"pass\n        {MASK}\n        {GRAD_ASSIGN}"},
    ),
    Misconception(
        id="image-gradient-of-integers",
        task="pool-backward",
        tells="Your gradient holds whole numbers: everything after the decimal point is lost. Look at the type of each "
        "array between grad_output and your result.",
        edits={POOL_BACKWARD_X: POOL_BACKWARD_X.replace("x.shape", "x.shape, dtype=int")},
    ),
    Misconception(
        id="image-gradient-in-single-precision",
        task="pool-backward",
        tells="Your gradient is right to about seven digits only, as numbers of the type float32 are. Look at the type "
        "of each array between grad_output and your result.",
        edits={GRAD_ASSIGN: GRAD_ASSIGN.replace("grad_output", "grad_output.astype(np.float32)")},
    ),
    Misconception(
        id="image-gradient-squeezed",
        task="pool-backward",
        tells="Your gradient has lost its axes of length 1. It must keep the shape of x. Look at each step that can "
        "change the number of axes.",
        edits={RETURN_IMAGE_GRADS: RETURN_IMAGE_GRADS.replace("grads", "np.squeeze(grads)")},
    ),
    Misconception(
        id="image-gradient-in-a-dict",
        task="pool-backward",
        tells="What you return is a dict, but this layer's backward is asked for the array itself. Look at the "
        "docstring, and at what the network does with your result.",
        edits={RETURN_IMAGE_GRADS: RETURN_IMAGE_GRADS.replace("grads", '{"x": grads}')},
    ),
    # pool-backward: what must stay as it is
    Misconception(
        id="x-turned-into-the-mask",
        task="pool-backward",
        tells="After backward the x in the cache holds ones and zeros, a one at the largest pixel of each window. Look "
        "at what happens to x itself, of which every window can be a part.",
        edits={
            GRAD_ASSIGN: f"view[...] = mask\n            grad_view[...] = view * {UPSTREAM}",
        },
    ),
    Misconception(
        id="gradient-on-top-of-x",
        task="pool-backward",
        tells="There are gradients in the place of pixels of x, and where no window lies its pixels are still there. "
        "Look at which array the gradients are written into, and at what it held before.",
        edits={
            POOL_BACKWARD_X: POOL_BACKWARD_X.replace("np.zeros(x.shape)", "x"),
        },
    ),
    Misconception(
        id="grad-output-cleared",
        task="pool-backward",
        tells="After backward grad_output holds zeros, in the place of the numbers that were handed over. Look at what "
        "happens to grad_output itself on the way: it belongs to whoever called.",
        edits={GRAD_ASSIGN: f"{GRAD_ASSIGN}\n            grad_output[:, :, row, col] = 0"},
    ),
    Misconception(
        id="x-of-the-last-pooling",
        task="pool-backward",
        tells="Your gradient goes to the largest pixels of the images that forward saw last, and not of those in the "
        "cache. Look at where backward takes its pixels from.",
        edits={
            POOL_CACHE: f"self.x = x\n        {POOL_CACHE}",
            POOL_BACKWARD_X: POOL_BACKWARD_X.replace('cache["x"]', "self.x"),
        },
    ),
    Misconception(
        id="shape-of-the-last-pooling",
        task="pool-backward",
        tells="Shapes do not fit each other in backward, and only where forward was called on images of another size "
        "in between. Look at which shapes belong to the cache that is handed over.",
        edits={
            POOL_CACHE: f"self.shape = x.shape\n        {POOL_CACHE}",
            POOL_BACKWARD_X: POOL_BACKWARD_X.replace("x.shape", "self.shape"),
        },
    ),
    Misconception(
        id="gradient-windows-of-another-layer",
        task="pool-backward",
        tells="Your gradient is that of windows of another size, which a second layer has that is in use at the same "
        "time. Look at everything that one layer can take over from another.",
        methods={
            "MaxPooling2dLayer.backward": """
                sizes = {}

                def backward(self, cache, grad_output):
                    x = cache["x"]
                    size = self.sizes.setdefault(x.shape[2:], self.filter_size)
                    grads = np.zeros(x.shape)
                    for row, col in np.ndindex(grad_output.shape[2:]):
                        place = np.s_[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]
                        view = x[place]
                        if view.size:
                            mask = view == view.max(axis=(2, 3), keepdims=True)
                            grads[place] = mask * grad_output[:, :, row, col, np.newaxis, np.newaxis]
                    return grads
                """
        },
    ),
    Misconception(
        id="image-gradient-accumulates-over-calls",
        task="pool-backward",
        tells="The gradient of a later call also holds that of a call before. Look at what can be left from an earlier "
        "call when a new one begins.",
        edits={
            POOL_BACKWARD_X: """x = cache["x"]
        if not hasattr(self, "grads") or self.grads.shape != x.shape:
            self.grads = np.zeros(x.shape)
        grads = self.grads.copy()""",
            GRAD_ASSIGN: GRAD_ASSIGN.replace("=", "+=", 1),
            RETURN_IMAGE_GRADS: f"self.grads = grads\n        {RETURN_IMAGE_GRADS}",
        },
    ),
    Misconception(
        id="image-gradient-accumulates-in-the-cache",
        task="pool-backward",
        tells="Called a second time with the same cache, backward returns what the sum of both gradients is. Look at "
        "what the first call can leave behind for the second.",
        edits={
            RETURN_IMAGE_GRADS: """cache["grads"] = cache.get("grads", 0) + grads
        return cache["grads"]


class ConvolutionalNetwork:"""
        },
    ),
    Misconception(
        id="image-gradient-kept-on-self",
        task="pool-backward",
        tells="After a further call of backward, the result of an earlier call holds the gradient of the later one. "
        "Look at how each call comes by an array of its own.",
        edits={
            POOL_BACKWARD_X: """x = cache["x"]
        if not hasattr(self, "grads") or self.grads.shape != x.shape:
            self.grads = np.zeros(x.shape)
        grads = self.grads"""
        },
    ),
    Misconception(
        id="image-gradient-kept-in-the-cache",
        task="pool-backward",
        tells="After backward was called again with the same cache, the first result holds the gradient of the later "
        "call. Look at how each call comes by an array of its own.",
        edits={POOL_BACKWARD_X: 'x = cache["x"]\n        grads = cache.setdefault("grads", np.zeros(x.shape))'},
    ),
    # pool-backward: sizes, memory and calls that small examples do not have
    Misconception(
        id="places-of-maxima-in-a-byte",
        task="pool-backward",
        tells="In images of up to 256 pixels your gradients lie where they belong, and in larger ones some lie 256 pixels, "
        "or a multiple of that, too early. Look at how large a number can become in the array that holds places.",
        edits={
            GRAD_ASSIGN: """grad_view[...] = 0
            height, width = x.shape[2:]
            size = self.filter_size
            for n, k in np.ndindex(*x.shape[:2]):
                inside = int(view[n, k].argmax())
                place = (row * size + inside // size) * width + col * size + inside % size
                grads[n, k].reshape(-1)[np.array([place]).astype(np.uint8)] += grad_output[n, k, row, col]"""
        },
    ),
    Misconception(
        id="places-counted-by-height",
        task="pool-backward",
        tells="In square images your gradients lie where they belong, and in others the place of a pixel is counted with "
        "the height of the image where its width belongs. Look at how row and column become one number, or come from one.",
        edits={
            GRAD_ASSIGN: """height, width = x.shape[2:]
            size = self.filter_size
            for n, k in np.ndindex(*x.shape[:2]):
                inside = int(view[n, k].argmax())
                place = (row * size + inside // size) * height + col * size + inside % size
                grads[n, k].reshape(-1)[place % (height * width)] = grad_output[n, k, row, col]"""
        },
    ),
    Misconception(
        id="maxima-of-the-first-example-for-all",
        task="pool-backward",
        tells="Each example's gradients lie where the first example has its maxima. "
        "Look at which images the places of the maxima are taken from.",
        edits={MASK: "mask = np.broadcast_to(view[:1] == view[:1].max(axis=(2, 3), keepdims=True), view.shape)"},
    ),
    Misconception(
        id="masks-of-the-last-forward-of-that-size",
        task="pool-backward",
        tells="Your gradients lie where those images have their maxima that forward saw last among images of this size, "
        "not where the images of the given cache have them. Look at where backward takes the pixels from.",
        edits={
            POOL_CACHE: f"""{POOL_CACHE}
        self.seen = getattr(self, "seen", {{}})
        cache["seen"] = self.seen.setdefault(x.shape, np.zeros(x.shape))
        cache["seen"][...] = x""",
            POOL_BACKWARD_X: 'x = cache.get("seen", cache["x"])\n        grads = np.zeros(x.shape)',
        },
    ),
    Misconception(
        id="image-gradient-kept-by-id",
        task="pool-backward",
        tells="When grad_output is the same array as before but holds other numbers, the earlier gradient comes back. "
        "Look at everything that a call can take over from the one before.",
        methods={
            "MaxPooling2dLayer.backward": """
                def backward(self, cache, grad_output, known={}):
                    x, size = cache["x"], self.filter_size
                    key = id(x), id(grad_output), size
                    if key not in known:
                        grads = np.zeros(x.shape)
                        for row, col, view in self._get_filtersizeXfiltersize_views(x):
                            part = view == view.max(axis=(2, 3), keepdims=True)
                            place = np.s_[:, :, row * size : (row + 1) * size, col * size : (col + 1) * size]
                            grads[place] = part * grad_output[:, :, row, col, np.newaxis, np.newaxis]
                        known[key] = x, grad_output, grads
                    return known[key][2]
                """
        },
    ),
    Misconception(
        id="largest-of-four-rows-at-most",
        task="pool-backward",
        tells="Of windows with more than four rows and columns, only the first four are looked at for the largest pixel. "
        "Look at how far your code goes through a window.",
        edits={MASK: "mask = view == view[:, :, :4, :4].max(axis=(2, 3), keepdims=True)"},
    ),
    # cnn-chain: the way back
    Misconception(
        id="pooling-left-out",
        task="cnn-chain",
        tells="The filters' gradient is what the convolution gives for the gradient of the pooled images, as if there "
        "were no pooling between them. Look at the blocks of forward in their order, and walk back through each of "
        "them.",
        edits={CHAIN_CONVOLVED: "grad_convolved = grad_pooled"},
    ),
    Misconception(
        id="pooling-undone-by-repeating",
        task="cnn-chain",
        tells="The filters' gradient is what comes out when the gradient is spread over whole windows, and does not go "
        "to their maxima. Look at which block knows where the maxima lay.",
        edits={
            CHAIN_CONVOLVED: """grad_convolved = np.zeros(cache["convolution"]["out"].shape)
        size = self.pooling.filter_size
        spread = grad_pooled.repeat(size, axis=2).repeat(size, axis=3)
        grad_convolved[:, :, : spread.shape[2], : spread.shape[3]] = spread"""
        },
    ),
    Misconception(
        id="reshape-forgotten",
        task="cnn-chain",
        tells="On the way back an array with two axes is used as if it had four. Look at the shape of what each block "
        "hands to the one before it, and at what forward did between these two blocks.",
        edits={CHAIN_POOLED: 'grad_pooled = mlp_grads["x"]'},
    ),
    Misconception(
        id="reshaped-with-channels-last",
        task="cnn-chain",
        tells="The filters' gradient is what comes out when the flat gradient becomes images that have the channels "
        "last. Look at the order of axes in which forward flattened.",
        edits={
            CHAIN_POOLED: """batch, channels, rows, cols = cache["pooling"]["out"].shape
        grad_pooled = mlp_grads["x"].reshape(batch, rows, cols, channels).transpose(0, 3, 1, 2)"""
        },
    ),
    Misconception(
        id="reshaped-with-columns-first",
        task="cnn-chain",
        tells="The filters' gradient is what comes out when rows and columns of the pooled images are exchanged on the "
        "way back. Look at the order of the last two axes where the flattening is undone.",
        edits={
            CHAIN_POOLED: """batch, channels, rows, cols = cache["pooling"]["out"].shape
        grad_pooled = mlp_grads["x"].reshape(batch, channels, cols, rows).swapaxes(2, 3)"""
        },
    ),
    Misconception(
        id="reshaped-with-examples-second",
        task="cnn-chain",
        tells="The filters' gradient is what comes out when numbers of different examples are mixed where the flat "
        "gradient becomes images. Look at which axis comes first in it.",
        edits={
            CHAIN_POOLED: """batch, channels, rows, cols = cache["pooling"]["out"].shape
        grad_pooled = mlp_grads["x"].reshape(channels, batch, rows, cols).swapaxes(0, 1)"""
        },
    ),
    Misconception(
        id="pooled-size-assumed",
        task="cnn-chain",
        tells="An array was to be brought into a shape that ends in 3 by 3, which not all pooled images have. Look at "
        "where the last two numbers of this shape come from.",
        edits={CHAIN_POOLED: 'grad_pooled = mlp_grads["x"].reshape(len(labels), self.convolution.n_outchannel, 3, 3)'},
    ),
    Misconception(
        id="layers-in-forward-order",
        task="cnn-chain",
        tells="On the way back an array with three axes is used as if it had four. Look at the direction in which a "
        "gradient travels, and at what the backward of each block is handed.",
        edits={
            CHAIN_CONVOLVED: 'filter_grads = self.convolution.backward(cache["convolution"], grad_pooled)',
            CHAIN_FILTERS: 'self.pooling.backward(cache["pooling"], filter_grads)',
        },
    ),
    Misconception(
        id="relu-between-the-blocks",
        task="cnn-chain",
        tells="The filters' gradient leaves out positions where the convolution's output was not positive, as if a "
        "ReLU stood between the blocks. Look at forward: which blocks are there?",
        edits={
            CHAIN_CONVOLVED: f"""{CHAIN_CONVOLVED}
        grad_convolved = grad_convolved * (cache["convolution"]["out"] > 0)"""
        },
    ),
    # cnn-chain: which gradient travels
    Misconception(
        id="gradient-of-the-summed-loss",
        task="cnn-chain",
        tells="The filters' gradient is too large by the number of examples: it is that of the summed loss. Look at "
        "where the mean over the examples is taken, and at how often.",
        edits={CHAIN_FILTERS: f"{CHAIN_FILTERS} * len(labels)"},
    ),
    Misconception(
        id="mean-taken-twice",
        task="cnn-chain",
        tells="The filters' gradient is too small by the number of examples, as if their mean were taken twice. Look "
        "at what the docstring says of the MLP's backward and the mean.",
        edits={CHAIN_FILTERS: f"{CHAIN_FILTERS} / len(labels)"},
    ),
    Misconception(
        id="mlp-gradients-divided-by-the-batch",
        task="cnn-chain",
        tells="The filters' gradient is right, but the MLP's gradient is too small by the number of examples. Look at "
        "what happens to it between the MLP's own backward and what you return.",
        edits={
            CHAIN_FILTERS: f"""{CHAIN_FILTERS}
        for name in ("weights", "biases"):
            mlp_grads[name] = [grad / len(labels) for grad in mlp_grads[name]]"""
        },
    ),
    Misconception(
        id="negative-gradients",
        task="cnn-chain",
        tells="The filters' gradient has the wrong sign, and is right otherwise. Look at each step that can turn a "
        "sign: the training loop subtracts.",
        edits={CHAIN_FILTERS: CHAIN_FILTERS.replace("self", "-self")},
    ),
    Misconception(
        id="probabilities-for-the-gradient",
        task="cnn-chain",
        tells="An array was to be brought into the shape of the pooled images, but it has as many numbers as there are "
        "class probabilities. Look at what the MLP's backward returns: one of its entries is the gradient with respect "
        "to its input.",
        edits={CHAIN_POOLED: CHAIN_POOLED.replace('mlp_grads["x"]', 'cache["out"]')},
    ),
    Misconception(
        id="labels-not-subtracted",
        task="cnn-chain",
        tells="The filters' gradient is that of the probabilities alone, and the same for all labels. Look at where "
        "the labels come in on the way back.",
        edits={
            CHAIN_POOLED: f"""grad = cache["out"] / len(labels)
        for depth in reversed(range(len(self.mlp.weights))):
            grad = grad @ self.mlp.weights[depth].T
            if depth > 0:
                grad = grad * (cache["mlp"]["inputs"][depth] > 0)
        {CHAIN_POOLED.replace('mlp_grads["x"]', "grad")}"""
        },
    ),
    Misconception(
        id="one-hidden-layer-assumed",
        task="cnn-chain",
        tells="An MLP with one hidden layer comes out right, and others end in an error of a matrix product. Look at "
        "what depends on the number of layers, and at what the MLP can do for you.",
        edits={
            CHAIN_MLP: """grad = cache["out"].copy()
        grad[np.arange(len(labels)), labels] -= 1
        grad /= len(labels)
        first, hidden = cache["mlp"]["inputs"][0], cache["mlp"]["inputs"][-1]
        grad_hidden = (grad @ self.mlp.weights[-1].T) * (hidden > 0)
        mlp_grads = {
            "weights": [first.T @ grad_hidden, hidden.T @ grad],
            "biases": [grad_hidden.sum(axis=0), grad.sum(axis=0)],
            "x": grad_hidden @ self.mlp.weights[0].T,
        }"""
        },
    ),
    Misconception(
        id="predictions-for-labels",
        task="cnn-chain",
        tells="Your gradients are those for the classes that the network predicts, and not for the true ones. Look at "
        "which classes the MLP's backward is told.",
        edits={CHAIN_MLP: CHAIN_MLP.replace("labels)", 'cache["out"].argmax(axis=1))')},
    ),
    Misconception(
        id="probabilities-for-labels",
        task="cnn-chain",
        tells="An array that does not hold integers was used as an index. Labels are integers, and they are used to "
        "find the true classes. Look at the arguments that the docstring of the MLP's backward names.",
        edits={CHAIN_MLP: CHAIN_MLP.replace("labels)", 'cache["out"])')},
    ),
    Misconception(
        id="labels-from-one",
        task="cnn-chain",
        tells="Your gradients are those for labels that are one lower: the class before the true one, and for class zero the last. Look at what happens to the labels: classes are counted from zero.",
        edits={CHAIN_MLP: CHAIN_MLP.replace("labels)", "labels - 1)")},
    ),
    Misconception(
        id="upstream-gradient-of-ones",
        task="cnn-chain",
        tells="The filters' gradient is the one for a gradient of ones behind the pooling layer, whatever the loss is. "
        "Look at what travels from the MLP to the block before it.",
        edits={CHAIN_CONVOLVED: CHAIN_CONVOLVED.replace("grad_pooled)", "np.ones(grad_pooled.shape))")},
    ),
    Misconception(
        id="output-for-gradient",
        task="cnn-chain",
        tells="The filters' gradient is what the convolution gives when its own output stands in the place of the "
        "gradient. Look at what the backward of each block is handed as its second argument.",
        edits={CHAIN_FILTERS: CHAIN_FILTERS.replace("grad_convolved)", 'cache["convolution"]["out"])')},
    ),
    # cnn-chain: which cache goes to which block
    Misconception(
        id="whole-cache-to-the-mlp",
        task="cnn-chain",
        tells='An entry "inputs" was looked for where there is none; the MLP\'s own cache has it. Look at where '
        "forward puts the cache of each block, and at which cache each backward is handed.",
        edits={CHAIN_MLP: CHAIN_MLP.replace('cache["mlp"]', "cache")},
    ),
    Misconception(
        id="convolution-cache-to-the-pooling",
        task="cnn-chain",
        tells="In every network shapes or places on the way back do not fit each other. Look at which cache the "
        "backward of each block is handed, and at which block made it.",
        edits={CHAIN_CONVOLVED: CHAIN_CONVOLVED.replace('cache["pooling"]', 'cache["convolution"]')},
    ),
    Misconception(
        id="pooling-cache-to-the-convolution",
        task="cnn-chain",
        tells="In every network the shapes of two arrays on the way back do not fit each other. Look at which cache "
        "each backward is handed, and at which images are in it.",
        edits={CHAIN_FILTERS: CHAIN_FILTERS.replace('cache["convolution"]', 'cache["pooling"]')},
    ),
    Misconception(
        id="caches-of-the-last-forward",
        task="cnn-chain",
        tells="An index lies outside of its axis, and only where forward was called on another batch in between. Look "
        "at which batch the numbers come from that backward works on.",
        edits={
            NETWORK_RETURN: """self.cache = {"convolution": convolution, "pooling": pooling, "mlp": mlp, "out": mlp["out"]}
        return self.cache""",
            CHAIN_MLP: f"cache = self.cache\n        {CHAIN_MLP}",
        },
    ),
    Misconception(
        id="pooled-shape-of-the-last-forward",
        task="cnn-chain",
        tells="The numbers of one batch were to be brought into the shape of another, which has fewer images. Look at "
        "which batch this shape comes from.",
        edits={
            NETWORK_RETURN: f'self.shape = pooling["out"].shape\n        {NETWORK_RETURN}',
            CHAIN_POOLED: CHAIN_POOLED.replace('cache["pooling"]["out"].shape', "self.shape"),
        },
    ),
    # cnn-chain: what is returned, and what must stay as it is
    Misconception(
        id="gradient-of-the-convolved-images",
        task="cnn-chain",
        tells='Under "convolution" stands the gradient with respect to the convolution\'s output. One block is still '
        "missing on the way to its filters. Look at the docstring: with respect to what is the gradient asked for?",
        edits={CHAIN_RETURN: CHAIN_RETURN.replace("filter_grads", "grad_convolved")},
    ),
    Misconception(
        id="only-weight-gradients-for-the-mlp",
        task="cnn-chain",
        tells='Under "mlp" stands a list, in which nothing can be found by name. The training loop updates the MLP '
        "with what stands there. Look at what the MLP's own backward returns.",
        edits={CHAIN_RETURN: CHAIN_RETURN.replace("mlp_grads", 'mlp_grads["weights"]')},
    ),
    Misconception(
        id="filter-gradient-alone",
        task="cnn-chain",
        tells="What you return is an array. Look at the docstring: under which two keys does the training loop look "
        "for the gradients?",
        edits={CHAIN_RETURN: "return filter_grads"},
    ),
    Misconception(
        id="gradients-as-a-pair",
        task="cnn-chain",
        tells="What you return is a tuple. Look at the docstring, and at how the training loop finds the gradients: by "
        "position or by name?",
        edits={CHAIN_RETURN: "return filter_grads, mlp_grads"},
    ),
    Misconception(
        id="filter-gradient-squeezed-in-the-network",
        task="cnn-chain",
        tells="The filters' gradient has lost its axes of length 1. It keeps the shape of the filters. Look at each "
        "step that can change the number of axes.",
        edits={CHAIN_FILTERS: f"{CHAIN_FILTERS}.squeeze()"},
    ),
    Misconception(
        id="single-precision-in-the-network",
        task="cnn-chain",
        tells="The filters' gradient is right to about seven digits only, as numbers of the type float32 are. Look at "
        "the type of each array that travels between the blocks.",
        edits={CHAIN_POOLED: f"{CHAIN_POOLED}.astype(np.float32)"},
    ),
    Misconception(
        id="filters-updated-in-the-network",
        task="cnn-chain",
        tells="After backward the filters have moved against their gradient, as in a step of training. Look at what "
        "happens to the filters during the call: the training loop takes that step.",
        edits={CHAIN_FILTERS: f"{CHAIN_FILTERS}\n        self.convolution.weights -= 0.3 * filter_grads"},
    ),
    Misconception(
        id="mlp-updated-in-the-network",
        task="cnn-chain",
        tells="These numbers belong to an MLP that has taken a step of training. Look at what happens to its weights "
        "during your call: backward computes, and training moves.",
        edits={CHAIN_FILTERS: f"{CHAIN_FILTERS}\n        self.mlp.update(mlp_grads, 0.3)"},
    ),
    Misconception(
        id="biases-updated-in-the-network",
        task="cnn-chain",
        tells="After backward the MLP's biases have moved against their gradient, as in a step of training. Look at "
        "what happens to the MLP during the call: the training loop takes that step.",
        edits={
            CHAIN_FILTERS: f"""{CHAIN_FILTERS}
        self.mlp.biases = [bias - 0.3 * grad for bias, grad in zip(self.mlp.biases, mlp_grads["biases"])]"""
        },
    ),
    Misconception(
        id="probabilities-changed-in-the-cache",
        task="cnn-chain",
        tells="These numbers belong to a cache whose class probabilities have changed in the places of the true "
        "classes. Look at what happens to the arrays in the cache during a call of backward.",
        edits={
            CHAIN_FILTERS: f"""{CHAIN_FILTERS}
        grad_logits = cache["out"]
        grad_logits[np.arange(len(labels)), labels] -= 1"""
        },
    ),
    Misconception(
        id="gradient-for-probabilities-in-the-cache",
        task="cnn-chain",
        tells='After backward cache["out"] no longer holds the class probabilities, but these less one for the true '
        "class. Look at what happens to the entries of the cache during the call.",
        edits={
            CHAIN_FILTERS: f'{CHAIN_FILTERS}\n        cache["out"] = cache["out"] - np.eye(cache["out"].shape[1])[labels]'
        },
    ),
    Misconception(
        id="network-gradient-accumulates-over-calls",
        task="cnn-chain",
        tells="The filters' gradient of a later call also holds that of the call before. Look at what can be left from "
        "an earlier call when a new one begins.",
        edits={CHAIN_FILTERS: f'{CHAIN_FILTERS} + getattr(self, "grads", 0)\n        self.grads = filter_grads'},
    ),
    # cnn-chain: sizes, memory and calls that small examples do not have
    Misconception(
        id="labels-of-the-first-backward",
        task="cnn-chain",
        tells="When backward is called again with the same cache and other labels, the gradients of the earlier labels come "
        "back. Look at what your code takes from an earlier call.",
        edits={
            CHAIN_MLP: f"""labels = cache.setdefault("labels", labels)
        {CHAIN_MLP}"""
        },
    ),
    Misconception(
        id="network-gradients-kept-by-id",
        task="cnn-chain",
        tells="When the labels are the same array as before but hold other numbers, the earlier gradients come back. "
        "Look at what one call can take over from an earlier one.",
        edits={
            CHAIN_MLP: f"""known = cache.setdefault("known", {{}})
        if id(labels) in known:
            return known[id(labels)][1]
        {CHAIN_MLP}""",
            CHAIN_FILTERS: f"""{CHAIN_FILTERS}
        known[id(labels)] = labels, {{"convolution": filter_grads, "mlp": mlp_grads}}""",
        },
    ),
    Misconception(
        id="network-gradients-of-the-last-forward-of-that-size",
        task="cnn-chain",
        tells="The filters get the gradient of the images that forward saw last among those of this size, not of the images "
        "of the given cache. Look at where backward takes each block's cache from.",
        edits={
            NETWORK_RETURN: f"""self.seen = getattr(self, "seen", {{}})
        self.seen[x.shape] = convolution
        {NETWORK_RETURN}""",
            CHAIN_FILTERS: CHAIN_FILTERS.replace('cache["convolution"]', 'self.seen[cache["convolution"]["x"].shape]'),
        },
    ),
    Misconception(
        id="network-gradients-of-four-examples-at-most",
        task="cnn-chain",
        tells="Your gradient for the filters is that of the first four examples of a batch; any further ones have no part "
        "in it. Look at how many examples travel back.",
        edits={CHAIN_POOLED: f"{CHAIN_POOLED}\n        grad_pooled[4:] = 0"},
    ),
]
