"""Long and clumsy on purpose: every step spelt out, special cases that need not be, lists of lists in between."""

import numpy as np
import math


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        number_of_rows = math.floor((x.shape[2] - self.filter_size) / self.stride) + 1
        number_of_cols = math.floor((x.shape[3] - self.filter_size) / self.stride) + 1
        for row in range(number_of_rows):
            for col in range(number_of_cols):
                row_start = row * self.stride
                row_end = row_start + self.filter_size
                col_start = col * self.stride
                col_end = col_start + self.filter_size
                view = x[:, :, row_start:row_end, col_start:col_end]
                yield row, col, view

    def forward(self, x):
        batch_size = x.shape[0]
        height = x.shape[2]
        width = x.shape[3]
        out_height = int((height - self.filter_size) / self.stride + 1)
        out_width = int((width - self.filter_size) / self.stride + 1)
        cache = {}
        cache["x"] = x
        # one list for every image, in it one list for every filter, in it one list for every row
        all_images = []
        for image_number in range(batch_size):
            all_filters = []
            for filter_number in range(self.n_outchannel):
                rows = []
                for i in range(out_height):
                    rows.append([0.0] * out_width)
                all_filters.append(rows)
            all_images.append(all_filters)
        for row, col, view in self._get_filtersizeXfiltersize_views(x):
            for image_number in range(batch_size):
                window = view[image_number][0]
                for filter_number in range(self.n_outchannel):
                    current_filter = self.weights[filter_number]
                    product = window * current_filter
                    if self.filter_size == 1:
                        value = float(product[0][0])
                    else:
                        value = float(product.sum())
                    all_images[image_number][filter_number][row][col] = value
        cache["out"] = np.array(all_images, dtype="float64")
        return cache

    def backward(self, cache, grad_output):
        x = cache["x"]
        grads = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        if x.shape[0] == 1:
            # only one image
            for row, col, view in self._get_filtersizeXfiltersize_views(x):
                for filter_number in range(self.n_outchannel):
                    grads[filter_number] = grads[filter_number] + view[0][0] * grad_output[0][filter_number][row][col]
        else:
            # more than one image: first one gradient for each image, then add them
            grads_of_images = []
            for image_number in range(x.shape[0]):
                grads_of_image = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
                for row, col, view in self._get_filtersizeXfiltersize_views(x):
                    for filter_number in range(self.n_outchannel):
                        upstream = grad_output[image_number][filter_number][row][col]
                        grads_of_image[filter_number] = grads_of_image[filter_number] + view[image_number][0] * upstream
                grads_of_images.append(grads_of_image)
            for grads_of_image in grads_of_images:
                grads = grads + grads_of_image
        return grads


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        list_of_views = []
        number_of_rows = 0
        while (number_of_rows + 1) * self.filter_size <= x.shape[2]:
            number_of_rows = number_of_rows + 1
        number_of_cols = 0
        while (number_of_cols + 1) * self.filter_size <= x.shape[3]:
            number_of_cols = number_of_cols + 1
        for row in range(0, number_of_rows, 1):
            for col in range(0, number_of_cols, 1):
                row_start = row * self.filter_size
                row_end = row_start + self.filter_size
                col_start = col * self.filter_size
                col_end = col_start + self.filter_size
                list_of_views.append([row, col, x[:, :, row_start:row_end, col_start:col_end]])
        return list_of_views

    def forward(self, x):
        cache = dict()
        cache["x"] = x
        cache["out"] = np.zeros(
            (x.shape[0], x.shape[1], x.shape[2] // self.filter_size, x.shape[3] // self.filter_size)
        )
        for item in self._get_filtersizeXfiltersize_views(x):
            row = item[0]
            col = item[1]
            view = item[2]
            for image_number in range(x.shape[0]):
                for channel in range(x.shape[1]):
                    maximum = -math.inf
                    for i in range(self.filter_size):
                        for j in range(self.filter_size):
                            if view[image_number][channel][i][j] >= maximum:
                                maximum = view[image_number][channel][i][j]
                    cache["out"][image_number][channel][row][col] = maximum
        return cache

    def backward(self, cache, grad_output):
        x = cache["x"]
        grads = np.zeros(x.shape)
        for item in self._get_filtersizeXfiltersize_views(x):
            row = item[0]
            col = item[1]
            view = item[2]
            for image_number in range(x.shape[0]):
                for channel in range(x.shape[1]):
                    maximum = np.max(view[image_number][channel])
                    found = False
                    for i in range(self.filter_size):
                        for j in range(self.filter_size):
                            if found == False and view[image_number][channel][i][j] == maximum:
                                found = True
                                pixel_row = row * self.filter_size + i
                                pixel_col = col * self.filter_size + j
                                grads[image_number][channel][pixel_row][pixel_col] = grad_output[image_number][channel][
                                    row
                                ][col]
        return grads


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        convolution = self.convolution.forward(x)
        pooling = self.pooling.forward(convolution["out"])
        mlp = self.mlp.forward(pooling["out"].reshape(len(x), -1))
        return {"convolution": convolution, "pooling": pooling, "mlp": mlp, "out": mlp["out"]}

    def backward(self, cache, labels):
        # step 1: the MLP
        mlp_grads = self.mlp.backward(cache["mlp"], labels)
        # step 2: the gradient of the input of the MLP back to images
        pooled = cache["pooling"]["out"]
        list_of_images = []
        for n in range(pooled.shape[0]):
            list_of_images.append(mlp_grads["x"][n].reshape(pooled.shape[1], pooled.shape[2], pooled.shape[3]))
        grad_pooled = np.stack(list_of_images)
        # step 3: through the pooling
        grad_convolved = self.pooling.backward(cache["pooling"], grad_pooled)
        # step 4: through the convolution
        filter_grads = self.convolution.backward(cache["convolution"], grad_convolved)
        # step 5: everything into a dict
        result = {}
        result["convolution"] = filter_grads
        result["mlp"] = {}
        for key in mlp_grads:
            result["mlp"][key] = mlp_grads[key]
        return result

    def loss(self, cache, labels):
        return self.mlp.loss(cache["mlp"], labels)

    def predict(self, x):
        return self.forward(x)["out"].argmax(axis=1)

    def train(self, x, labels, learning_rate=0.3, n_epochs=30, batch_size=32, rng=0):
        rng = np.random.default_rng(rng)
        history = {"loss": [], "accuracy": []}
        for _ in range(n_epochs):
            losses, hits = [], []
            order = rng.permutation(len(x))
            for start in range(0, len(x), batch_size):
                batch = order[start : start + batch_size]
                cache = self.forward(x[batch])
                losses.append(len(batch) * self.loss(cache, labels[batch]))
                hits.append(np.sum(cache["out"].argmax(axis=1) == labels[batch]))
                grads = self.backward(cache, labels[batch])
                self.convolution.weights = self.convolution.weights - learning_rate * grads["convolution"]
                self.mlp.update(grads["mlp"], learning_rate)
            history["loss"].append(float(sum(losses) / len(x)))
            history["accuracy"].append(float(sum(hits) / len(x)))
        return history
