"""Names as in the lecture notes: Greek letters and German words, umlauts included."""

import numpy as np

ACHSEN_DES_FENSTERS = (2, 3)


def größe_der_ausgabe(länge, f, s):
    return (länge - f) // s + 1


class Convolution2dLayer:
    def __init__(self, filter_size=3, stride=1, n_outchannel=32):
        self.filter_size = filter_size
        self.stride = stride
        self.n_outchannel = n_outchannel

    def initialize_weights(self):
        self.weights = np.random.uniform(0, 1, (self.n_outchannel, self.filter_size, self.filter_size))

    def _get_filtersizeXfiltersize_views(self, x):
        höhe, breite = x.shape[2:]
        for zeile in range(größe_der_ausgabe(höhe, self.filter_size, self.stride)):
            for spalte in range(größe_der_ausgabe(breite, self.filter_size, self.stride)):
                oben, links = zeile * self.stride, spalte * self.stride
                yield zeile, spalte, x[:, :, oben : oben + self.filter_size, links : links + self.filter_size]

    def forward(self, x):
        höhe, breite = (größe_der_ausgabe(länge, self.filter_size, self.stride) for länge in x.shape[2:])
        ergebnis = np.zeros((len(x), self.n_outchannel, höhe, breite))
        θ = self.weights
        for zeile, spalte, ausschnitt in self._get_filtersizeXfiltersize_views(x):
            ergebnis[:, :, zeile, spalte] = np.einsum("nij,kij->nk", ausschnitt[:, 0], θ)
        return {"x": x, "out": ergebnis, "schlüssel": "Fenster"}

    def backward(self, cache, grad_output):
        δ = grad_output
        dθ = np.zeros((self.n_outchannel, self.filter_size, self.filter_size))
        for zeile, spalte, ausschnitt in self._get_filtersizeXfiltersize_views(cache["x"]):
            dθ += np.tensordot(δ[:, :, zeile, spalte], ausschnitt[:, 0], axes=(0, 0))
        return dθ


class MaxPooling2dLayer:
    def __init__(self, filter_size=2):
        self.filter_size = filter_size

    def _get_filtersizeXfiltersize_views(self, x):
        f = self.filter_size
        for zeile in range(x.shape[2] // f):
            for spalte in range(x.shape[3] // f):
                yield zeile, spalte, x[:, :, zeile * f : (zeile + 1) * f, spalte * f : (spalte + 1) * f]

    def forward(self, x):
        μ = np.zeros((*x.shape[:2], x.shape[2] // self.filter_size, x.shape[3] // self.filter_size))
        for zeile, spalte, ausschnitt in self._get_filtersizeXfiltersize_views(x):
            μ[:, :, zeile, spalte] = ausschnitt.max(axis=ACHSEN_DES_FENSTERS)
        return {"x": x, "out": μ}

    def backward(self, cache, grad_output):
        δ, μ = grad_output, cache["out"]
        dx = np.zeros(cache["x"].shape)
        quellen = self._get_filtersizeXfiltersize_views(cache["x"])
        ziele = self._get_filtersizeXfiltersize_views(dx)
        for (zeile, spalte, quelle), (_, _, ziel) in zip(quellen, ziele):
            größter = quelle == μ[:, :, zeile, spalte, None, None]
            ziel[...] = größter * δ[:, :, zeile, spalte, None, None]
        return dx


class ConvolutionalNetwork:
    def __init__(self, convolution, pooling, mlp):
        self.convolution = convolution
        self.pooling = pooling
        self.mlp = mlp

    def forward(self, x):
        faltung = self.convolution.forward(x)
        auswahl = self.pooling.forward(faltung["out"])
        mlp = self.mlp.forward(auswahl["out"].reshape(len(x), -1))
        return {"convolution": faltung, "pooling": auswahl, "mlp": mlp, "out": mlp["out"]}

    def backward(self, cache, labels):
        dℒ = self.mlp.backward(cache["mlp"], labels)
        δ_auswahl = dℒ["x"].reshape(cache["pooling"]["out"].shape)
        δ_faltung = self.pooling.backward(cache["pooling"], δ_auswahl)
        return {"convolution": self.convolution.backward(cache["convolution"], δ_faltung), "mlp": dℒ}

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
