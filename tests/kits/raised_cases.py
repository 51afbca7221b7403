"""Exceptions of students, and how they are explained: a table that is read as the student would."""

import sys

# What a student wrote in the gap `scale`, where x has shape (1,): the type that is told, and the explanation. Messages
# themselves are NumPy's and Python's, and change with their versions.
CASES = {
    "an index that runs too far": (
        "for n in range(len(x) + 1):\n    cache['out'][n] = x[n]",
        "IndexError",
        (
            "`x` has shape (1,) here: along axis 0 there is 1 place, numbered 0, and `n` is 1. "
            "Compare how far the index runs with that size."
        ),
    ),
    "an index that is calculated": (
        "y = np.zeros((2, 3))\ny[:, len(x) + 2]",
        "IndexError",
        (
            "`y` has shape (2, 3) here: along axis 1 there are 3 places, numbered 0 to 2, and `len(x) "
            "+ 2` is 3. Compare how far the index runs with that size."
        ),
    ),
    "an index that is written out": (
        "y = np.zeros((2, 3))\ny[0, 5]",
        "IndexError",
        (
            "`y` has shape (2, 3) here: along axis 1 there are 3 places, numbered 0 to 2, and 5 was "
            "asked for. Compare how far the index runs with that size."
        ),
    ),
    "an index below all": (
        "y = np.zeros((2, 3))\nk = -4\ny[..., k]",
        "IndexError",
        (
            "`y` has shape (2, 3) here: along axis 1 there are 3 places, numbered 0 to 2, and `k` is "
            "-4. Compare how far the index runs with that size."
        ),
    ),
    "an index after a new axis": (
        "y = np.zeros((2, 3))\nk = 3\ny[None, :, k]",
        "IndexError",
        (
            "`y` has shape (2, 3) here: along axis 1 there are 3 places, numbered 0 to 2, and `k` is "
            "3. Compare how far the index runs with that size."
        ),
    ),
    "an index into nothing": (
        "y = np.zeros((2, 0))\nk = 0\ny[1, k]",
        "IndexError",
        "`y` has shape (2, 0) here: there is nothing along axis 1. Look at the shape that it was made with.",
    ),
    "an index of an array of indices": (
        "y = np.zeros((2, 3))\nk = np.array([0, 9])\ny[k]",
        "IndexError",
        (
            "`y` has shape (2, 3) here: along axis 0 there are 2 places, numbered 0 to 1, and 9 was "
            "asked for. Compare how far the index runs with that size."
        ),
    ),
    "an axis of a shape that is not there": (
        "h = x.shape[2]",
        "IndexError",
        (
            "`x` has 1 axis here, its shape is (1,), and axis number 2 was asked for, counted from 0. Compare that with the shape "
            "that you expect there."
        ),
    ),
    "a list that is too short": (
        "y = [1, 2]\nk = 2\ny[k]",
        "IndexError",
        "`y` has 2 items here, numbered 0 to 1, and `k` is 2.",
    ),
    "an empty list": (
        "y = []\ny[0]",
        "IndexError",
        "`y` is empty here, and 0 was asked for.",
    ),
    "more indices than axes": (
        "y = np.zeros((2, 3))\ny[:, :, 0] = 1",
        "IndexError",
        (
            "`y` has 2 axes here, its shape is (2, 3), and `y[:, :, 0]` names 3. Compare that with "
            "the axes that you expect there."
        ),
    ),
    "an index that is a float": (
        "x[len(x) / 2]",
        "IndexError",
        "`len(x) / 2` is a float here. An index must be an int. `/` gives a float, even where nothing is left over.",
    ),
    "a slice with a float": (
        "h = len(x) / 2\nx[:h]",
        "TypeError",
        "`h` is a float here. An index must be an int.",
    ),
    "an array of floats as index": (
        "m = np.zeros(3)\nx[m]",
        "IndexError",
        "`m` is an array of shape (3,) and dtype float64 here. An index must be an int.",
    ),
    "a mask of another shape": (
        "y = np.zeros((2, 3))\nm = np.zeros(3, bool)\ny[m]",
        "IndexError",
        (
            "`y` has shape (2, 3), and the mask `m` has shape (3,): along axis 0 there are 2 places "
            "in one and 3 in the other."
        ),
    ),
    "an index of a number": (
        "x[0][1]",
        "IndexError",
        "`x[0]` is a single number here, which has no axes.",
    ),
    "several indices of a list": (
        "y = [[1, 2]]\ny[0, 1]",
        "TypeError",
        "`y` is a list of 1 item: several indices at once need an array.",
    ),
    "a text as index of a list": (
        "y = [1]\ny['out']",
        "TypeError",
        "`'out'` is a text here. `y` is a list of 1 item: only dicts have texts as keys.",
    ),
    "a text as index of an array": (
        "x['out']",
        "IndexError",
        "`'out'` is a text here. `x` is an array of shape (1,): only dicts have texts as keys.",
    ),
    "a key that is not there": (
        "cache['res'][0] = 1",
        "KeyError",
        "`cache` has the keys `x` and `out` here, and `'res'` is not among them.",
    ),
    "a key of an empty dict": (
        "d = {}\nd['x']",
        "KeyError",
        "`d` has no keys here.",
    ),
    "an array as key": (
        "cache[x] = 1",
        "TypeError",
        "`cache` is a dict here, and `x`, its key, is an array of shape (1,), which no key can be.",
    ),
    "a slice of a dict": (
        "cache[:] = 1",
        "TypeError",
        "`cache` is a dict here: it has keys, and neither axes nor slices.",
    ),
    "shapes that do not fit": (
        "y = np.zeros((2, 3))\nw = np.zeros((4, 3))\ny + w",
        "ValueError",
        (
            "`y` has shape (2, 3), and `w` has shape (4, 3). NumPy pairs axes from the last one on, "
            "and the second to last axis has 2 here and 4 there."
        ),
    ),
    "shapes that do not fit a function": (
        "y = np.zeros((2, 3))\nw = np.zeros((4, 3))\nnp.maximum(y, w)",
        "ValueError",
        (
            "`y` has shape (2, 3), and `w` has shape (4, 3). NumPy pairs axes from the last one on, "
            "and the second to last axis has 2 here and 4 there."
        ),
    ),
    "shapes that are compared": (
        "y = np.zeros((2, 3))\nw = np.zeros((4, 3))\ny > w",
        "ValueError",
        (
            "`y` has shape (2, 3), and `w` has shape (4, 3). NumPy pairs axes from the last one on, "
            "and the second to last axis has 2 here and 4 there."
        ),
    ),
    "a result that outgrows its place": (
        "y = np.zeros((2, 3))\nw = np.zeros((4, 1, 3))\ny *= w",
        "ValueError",
        (
            "`y` has shape (2, 3), and the result would have shape (4, 2, 3) (the right side has "
            "shape (4, 1, 3)). `*=` writes the result back into the left side, which keeps its shape."
        ),
    ),
    "a place of another shape": (
        "y = np.zeros((2, 3))\ny[0] = np.zeros((2, 2))",
        "ValueError",
        (
            "`y[0]` takes shape (3,), and `np.zeros((2, 2))` has shape (2, 2). NumPy pairs axes from "
            "the last one on, and the last axis has 3 here and 2 there."
        ),
    ),
    "a place that does not stretch": (
        "y = np.zeros((2, 3))\nw = np.zeros(2)\ny[:, 0:1] = w",
        "ValueError",
        (
            "`y[:, 0:1]` takes shape (2, 1), and `w` has shape (2,). NumPy pairs axes from the last "
            "one on, and the last axis has 1 here and 2 there."
        ),
    ),
    "an array into one place": (
        "y = np.zeros((2, 3))\ny[0, 1] = x.repeat(2)",
        "ValueError",
        "`y[0, 1]` is one place for one number, and `x.repeat(2)` gives several.",
    ),
    "a list into one place": (
        "y = np.zeros((2, 3))\nw = [1, 2]\ny[0, 1] = w",
        "ValueError",
        "`y[0, 1]` is one place for one number, and `w` is a list of 2 items.",
    ),
    "rows of different lengths": (
        "np.array([[1, 2], [3]])",
        "ValueError",
        "An array needs rows of one length: the items that it is made of here differ in length or in shape.",
    ),
    "an array for one number": (
        "y = np.zeros((2, 3))\nfloat(y)",
        "TypeError",
        "`float` needs one number, and `y` is an array of shape (2, 3).",
    ),
    "a call that gives an array for one number": (
        "int(np.zeros(3))",
        "TypeError",
        "`int` needs one number, and `np.zeros(3)` is an array that has axes.",
    ),
    "a reshape to another size": (
        "y = np.zeros((2, 3))\ny.reshape(len(x), 4)",
        "ValueError",
        "`y` has 6 values here (shape (2, 3)), and shape (1, 4) holds 4. Compare the two: which of them is not what you expect?",
    ),
    "a reshape by a function with a rest": (
        "y = np.zeros((2, 3))\nnp.reshape(y, (4, -1))",
        "ValueError",
        (
            "`y` has 6 values here (shape (2, 3)), and with -1 their number must be a multiple of 4. "
            "Compare the two: which of them is not what you expect?"
        ),
    ),
    "a matrix product": (
        "y = np.zeros((2, 3))\nw = np.zeros((4, 3))\ny @ w",
        "ValueError",
        (
            "`y` has shape (2, 3), and `w` has shape (4, 3). A matrix product needs the last axis of "
            "the left (3) to be as long as the second to last axis of the right (4)."
        ),
    ),
    "a matrix product with a number": (
        "y = np.zeros((2, 3))\nn = 3\ny @ n",
        "ValueError",
        "`n` is a single number, and a matrix product needs axes on both sides.",
    ),
    "a dot product": (
        "y = np.zeros((2, 3))\nw = np.zeros((4, 3))\nnp.dot(y, w)",
        "ValueError",
        (
            "`y` has shape (2, 3), and `w` has shape (4, 3). They are summed over one axis of each: "
            "axis 1 of the left has 3 places, and axis 0 of the right has 4."
        ),
    ),
    "a dot product by a method": (
        "y = np.zeros((2, 3))\nw = np.zeros((4, 3))\ny.dot(w)",
        "ValueError",
        (
            "`y` has shape (2, 3), and `w` has shape (4, 3). They are summed over one axis of each: "
            "axis 1 of the left has 3 places, and axis 0 of the right has 4."
        ),
    ),
    "a tensordot": (
        "y = np.zeros((2, 3))\nw = np.zeros((4, 3))\nnp.tensordot(y, w, axes=1)",
        "ValueError",
        "`y` has shape (2, 3), and `w` has shape (4, 3). The axes that `axes` pairs must have the same sizes.",
    ),
    "a letter of two sizes": (
        "y = np.zeros((2, 3))\nw = np.zeros((4, 3))\nnp.einsum('ij,jk->ik', y, w)",
        "ValueError",
        "The letter `j` stands for axis 1 of `y` (3) and axis 0 of `w` (4).",
    ),
    "too many letters": (
        "y = np.zeros((2, 3))\nnp.einsum('ijk->i', y)",
        "ValueError",
        "`ijk` names 3 axes, and `y` has 2 axes, its shape is (2, 3).",
    ),
    "too few letters": (
        "y = np.zeros((2, 3))\nnp.einsum('i->i', y)",
        "ValueError",
        "`i` names 1 axis, and `y` has 2 axes, its shape is (2, 3).",
    ),
    "arrays that are joined": (
        "y = np.zeros((2, 3))\nnp.concatenate([y, np.zeros((2, 4))])",
        "ValueError",
        (
            "`np.concatenate` joins arrays along one axis, and along all others they must have the "
            "same size: along axis 1, array 0 has 3 places and array 1 has 4."
        ),
    ),
    "axes in another order": (
        "y = np.zeros((2, 3))\ny.transpose(0, 1, 2)",
        "ValueError",
        "`y` has 2 axes here, its shape is (2, 3). `transpose` needs each of its axes, once.",
    ),
    "an axis that is not there": (
        "y = np.zeros((2, 3))\ny.max(axis=2)",
        "AxisError",
        "`y` has 2 axes here, its shape is (2, 3), and there is no axis 2: the first one is axis 0.",
    ),
    "an axis that is not there for a function": (
        "y = np.zeros((2, 3))\nnp.sum(y, axis=(1, 2))",
        "AxisError",
        "`y` has 2 axes here, its shape is (2, 3), and there is no axis 2: the first one is axis 0.",
    ),
    "a maximum of nothing": (
        "y = np.zeros((2, 3))\ny[:, 3:].max()",
        "ValueError",
        "`y[:, 3:]` is empty here: its shape is (2, 0). Look at how it is cut.",
    ),
    "a squeeze of what is no 1": (
        "y = np.zeros((2, 3))\nnp.squeeze(y, axis=0)",
        "ValueError",
        "`y` has shape (2, 3) here.",
    ),
    "an if about an array": (
        "y = np.zeros((2, 3))\nif y > 0: pass",
        "ValueError",
        (
            "`y > 0` gives a whole array, where one True or False is needed. Which of its values is "
            "meant, any of them or all of them?"
        ),
    ),
    "a while about an array": (
        "y = np.zeros((2, 3))\nwhile y: pass",
        "ValueError",
        (
            "`y` is an array of shape (2, 3), where one True or False is needed. Which of its values "
            "is meant, any of them or all of them?"
        ),
    ),
    "not of an array": (
        "y = np.zeros((2, 3))\nnot y",
        "ValueError",
        (
            "`y` is an array of shape (2, 3), where one True or False is needed. Which of its values "
            "is meant, any of them or all of them?"
        ),
    ),
    "max of an array": (
        "y = np.zeros((2, 3))\nmax(y, 0)",
        "ValueError",
        (
            "`max` is Python's own, which compares whole objects, and `y` is an array of shape (2, "
            "3). NumPy has functions of its own for arrays."
        ),
    ),
    "an array that may not be changed": (
        "y = np.broadcast_to(x, (2, 1))\ny[0] = 1",
        "ValueError",
        "`y` may be read here, but not written to. Write into an array of your own, or a copy.",
    ),
    "a float into an int array": (
        "g = np.zeros(3, int)\ng += 0.5",
        "UFuncTypeError",
        (
            "`g` is an array of dtype int64, and `+=` would have to put values of dtype float64 into "
            "it. Look where it is made, and with which dtype."
        ),
    ),
    "an array and a text": (
        "t = 'a'\nx * t",
        "UFuncTypeError",
        "`t` is a text here, with which arrays cannot calculate.",
    ),
    "too much memory": (
        "n = 10 ** 6\nnp.zeros((n, n, n))",
        "MemoryError",
        (
            "An array of shape (1000000, 1000000, 1000000) would take 6.94 EiB of memory, more than "
            "there is for your code. Look at how its sizes are calculated."
        ),
    ),
    "a size below 0": (
        "np.zeros((2, len(x) - 3))",
        "ValueError",
        "`len(x) - 3` is -2 here, and no size can be below 0.",
    ),
    "a shape below 0": (
        "s = (2, -1)\nnp.zeros(s)",
        "ValueError",
        "`s` is (2, -1) here, and no size can be below 0.",
    ),
    "a shape in two pieces": (
        "np.zeros(len(x), 2)",
        "TypeError",
        "`np.zeros` takes the whole shape as one tuple; its second argument is the dtype.",
    ),
    "a range of a float": (
        "for n in range(len(x) / 2): pass",
        "TypeError",
        "`len(x) / 2` is a float, and `range` needs an int there. `/` gives a float, even where nothing is left over.",
    ),
    "a size that is a float": (
        "np.zeros((2, len(x) / 2))",
        "TypeError",
        (
            "`len(x) / 2` is a float, and `np.zeros` needs an int there. `/` gives a float, even "
            "where nothing is left over."
        ),
    ),
    "a range of an array": (
        "range(x)",
        "TypeError",
        "`x` is an array of shape (1,), and `range` needs an int there.",
    ),
    "a name that NumPy had for a built-in": (
        "np.float(3)",
        "AttributeError",
        "NumPy has no `np.float` any more since version 1.24: it was another name for Python's own `float`.",
    ),
    "a name of NumPy that is misspelt": (
        "np.arrray([1])",
        "AttributeError",
        "`np` has no `arrray`, but `array` is there. Compare the two spellings.",
    ),
    "brackets after None": (
        "y = None\ny[0]",
        "TypeError",
        "`y` is None here. Look where it gets its value; a function without `return` gives None.",
    ),
    "brackets after a method without a call": (
        "y = self.backward\ny[0]",
        "TypeError",
        "`y` is a function here, which has no items in square brackets. Round brackets call a function.",
    ),
    "brackets after a generator": (
        "y = (n for n in x)\ny[0]",
        "TypeError",
        (
            "`y` is a generator here, which has no items in square brackets. A generator gives its "
            "items one after the other, to a loop."
        ),
    ),
    "brackets after a number": (
        "y = 3\ny[0] = 1",
        "TypeError",
        "`y` is the int 3 here, which has no items in square brackets.",
    ),
    "a change of a tuple": (
        "s = x.shape\ns[0] = 2",
        "TypeError",
        "`s` is a tuple, and no item of it can be changed once it is made.",
    ),
    "a loop over None": (
        "y = None\nfor n in y: pass",
        "TypeError",
        "`y` is None here. Look where it gets its value; a function without `return` gives None.",
    ),
    "a loop over a number": (
        "n = len(x)\nfor k in n: pass",
        "TypeError",
        "`n` is the int 1 here, which cannot be gone through item by item. A loop over numbers goes over a `range`.",
    ),
    "a loop over a number in brackets": (
        "n = 3\n[k for k in n]",
        "TypeError",
        "`n` is the int 3 here, which cannot be gone through item by item. A loop over numbers goes over a `range`.",
    ),
    "a list of None": (
        "y = None\nlist(y)",
        "TypeError",
        "`y` is None here. Look where it gets its value; a function without `return` gives None.",
    ),
    "unpacking None": (
        "y = None\nh, w = y",
        "TypeError",
        "`y` is None here. Look where it gets its value; a function without `return` gives None.",
    ),
    "unpacking what a call gives": (
        "h, w = cache.get('size')",
        "TypeError",
        "`cache.get('size')` gives None here.",
    ),
    "round brackets after an array": (
        "x(0)",
        "TypeError",
        "`x` is an array of shape (1,) here, and not a function. Round brackets call, square brackets index.",
    ),
    "round brackets after a shape": (
        "x.shape()",
        "TypeError",
        "`x.shape` is a tuple of 1 item here, and not a function. Round brackets call, square brackets index.",
    ),
    "calculating with None": (
        "y = None\nx * y",
        "TypeError",
        "`y` is None here. Look where it gets its value; a function without `return` gives None.",
    ),
    "calculating with a list": (
        "y = [1, 2]\ny * 2.5",
        "TypeError",
        "`y` is a list of 2 items here. Lists and tuples do not calculate item by item with `*`, as arrays do.",
    ),
    "a minus before None": (
        "y = None\n-y",
        "TypeError",
        "`y` is None here. Look where it gets its value; a function without `return` gives None.",
    ),
    "comparing None": (
        "y = None\ny < 1",
        "TypeError",
        "`y` is None here. Look where it gets its value; a function without `return` gives None.",
    ),
    "the length of None": (
        "y = None\nlen(y)",
        "TypeError",
        "`y` is None here. Look where it gets its value; a function without `return` gives None.",
    ),
    "the length of a number": (
        "len(self.factor)",
        "TypeError",
        "`self.factor` is a float here, which has no length.",
    ),
    "an attribute of None": (
        "y = None\ny.shape",
        "AttributeError",
        "`y` is None here, which has no `shape`. Look where it gets its value; a function without `return` gives None.",
    ),
    "an attribute of an array": (
        "cache['out'].append(3)",
        "AttributeError",
        "`cache['out']` is an array of shape (1,) here, and arrays have no `append`. An array keeps its size.",
    ),
    "an attribute of a list": (
        "y = [1]\ny.shape",
        "AttributeError",
        "`y` is a list of 1 item here, and has no `shape`.",
    ),
    "an attribute of a method": (
        "x.copy.sum()",
        "AttributeError",
        "`x.copy` is a function here, and not what it gives. Round brackets call it.",
    ),
    "an attribute that is misspelt": (
        "x * self.fctor",
        "AttributeError",
        "`self` has no `fctor` here, but `factor` is there. Compare the two spellings.",
    ),
    "an attribute that nothing sets": (
        "x * self.weights",
        "AttributeError",
        "`self` has no `weights` here; what was set on it: `factor`.",
    ),
    "too few values to unpack": (
        "h, w = x.shape",
        "ValueError",
        "`h` and `w` stand on the left, and `x.shape` has 1 item here. It is (1,).",
    ),
    "too many values to unpack": (
        "a, b = np.zeros((3, 2))",
        "ValueError",
        "`a` and `b` stand on the left, and `np.zeros((3, 2))` gives more.",
    ),
    "too many values in a loop": (
        "for a, b in [(1, 2, 3)]: pass",
        "ValueError",
        "`a` and `b` stand on the left, and an item of `[(1, 2, 3)]` has another number of parts.",
    ),
    "a name that is an attribute": (
        "x * factor",
        "NameError",
        "There is no variable `factor`, but `self.factor` is there.",
    ),
    "a name that is misspelt": (
        "res = 1\nx * rse",
        "NameError",
        "There is no `rse`, but `res` is there. Compare the two spellings.",
    ),
    "a name of another function": (
        "x * grad_output",
        "NameError",
        "`grad_output` is a variable of `backward` and not of `forward`: each function has variables of its own.",
    ),
    "exit": (
        "exit()",
        "SystemExit",
        "`exit()` asks to end the whole program. A method ends with `return`, and tells of an error with `raise`.",
    ),
    "a word of notebooks": (
        "display(x)",
        "NameError",
        "`display` is there in notebooks only, and not where your code is graded.",
    ),
    "a variable without a value": (
        "for n in range(0):\n    last = n\ncache['out'][0] = last",
        "UnboundLocalError",
        "In this function `last` gets its value in line 18, which had not been run here.",
    ),
    "a sum that starts from nothing": (
        "for n in x:\n    total += n",
        "UnboundLocalError",
        (
            "Line 18 gives `total` its first value in this function, and needs one already. A name "
            "that a function assigns to belongs to that function, in all of its lines."
        ),
    ),
    "a module that is not there": (
        "import torch",
        "ModuleNotFoundError",
        "Your code is graded with NumPy, Python's standard library and what came with the assignment, and no more.",
    ),
    "too few values for a call": (
        "self.backward(x)",
        "TypeError",
        "`backward` takes `cache` and `grad_output`, and this line gives it 1 value by position.",
    ),
    "too many values for a call": (
        "self.backward(x, x, x)",
        "TypeError",
        "`backward` takes `cache` and `grad_output` beside `self`, and this line gives it 3 values.",
    ),
    "a value under a name that is not there": (
        "self.backward(x, grad=x)",
        "TypeError",
        "`backward` has no parameter `grad`; it has `cache` and `grad_output`.",
    ),
    "a raised exit": (
        "raise SystemExit",
        "SystemExit",
        "This line asks to end the whole program. A method ends with `return`, and tells of an error with `raise`.",
    ),
    "a called exit": (
        "import sys\nsys.exit(3)",
        "SystemExit",
        "`sys.exit()` asks to end the whole program. A method ends with `return`, and tells of an error with `raise`.",
    ),
    "a function without end": (
        "def again(n): return again(n + 1)\nagain(0)",
        "RecursionError",
        "`again` was called again before it had come to an end, more often than Python allows. Look at how deep these calls go, and at whether they end.",
    ),
    "an assert of one's own": (
        "assert len(x) == 77, 'no'",
        "AssertionError",
        "An `assert` of your own was not met: `len(x) == 77`.",
    ),
    "a gap of one's own": (
        "raise NotImplementedError",
        "NotImplementedError",
        "The line `raise NotImplementedError` still stands there, and ends the method.",
    ),
    "next after the last": (
        "y = iter([])\nnext(y)",
        "StopIteration",
        "`next` was called once more than there were items.",
    ),
    "a division by zero": (
        "n = len(x) - 1\n5 // n",
        "ZeroDivisionError",
        "`n` is 0 here.",
    ),
    "zip of different lengths": (
        "list(zip([1], [1, 2], strict=True))",
        "ValueError",
        "`zip` with `strict=True` needs the same number of items everywhere: argument 2 has more than those before it.",
    ),
    "too large for a float": (
        "import math\nmath.exp(1000)",
        "OverflowError",
        "What `math.exp` would give is too large for a float.",
    ),
    "no real value": (
        "import math\nmath.sqrt(-1)",
        "ValueError",
        "`math.sqrt` has no real value for the number that it is given here.",
    ),
    "a dict that grows in a loop": (
        "y = {1: 2}\nfor k in y: y[k + 1] = 1",
        "RuntimeError",
        "The loop goes over `y`, and adds or removes keys of it meanwhile.",
    ),
    "a file": (
        "open('a.csv')",
        "FileNotFoundError",
        "Where your code is graded, it has no files beside it.",
    ),
    "None instead of the result": (
        "return None",
        "what your code returned cannot be used as described",
        "`forward` returned None, and a dict with the key `out` is due. A function without `return` gives None.",
    ),
    "an array instead of the result": (
        "return x",
        "what your code returned cannot be used as described",
        "`forward` returned an array of shape (1,), and a dict with the key `out` is due.",
    ),
    "a tuple instead of the result": (
        "return x, x",
        "what your code returned cannot be used as described",
        "`forward` returned a tuple of 2 items, and a dict with the key `out` is due.",
    ),
    "a result without the key": (
        "return {'x': x, 'output': x}",
        "what your code returned cannot be used as described",
        "`forward` returned a dict with the keys `x` and `output`, and `out` is due in it.",
    ),
    "a result without keys": (
        "return {}",
        "what your code returned cannot be used as described",
        "`forward` returned a dict without keys, and `out` is due in it.",
    ),
    "the object instead of the result": (
        "return self",
        "what your code returned cannot be used as described",
        "`forward` returned an object of the class `Scaler`, and a dict with the key `out` is due.",
    ),
    "a method of the object that does not end well": (
        "self.helper(x)",
        "IndexError",
        "`Scaler.helper`, reached from `Scaler.forward`: `self.factor` is a float here. An index must be an int.",
    ),
}
if sys.version_info >= (3, 12):
    # Slices are hashable there, so one is a key like any other.
    del CASES["a slice of a dict"]

SILENT = {
    "what was raised on purpose": "raise ValueError('index 4 is out of bounds for axis 2 with size 4')",
    "a list that is written out": "[1, 2][5]",
    "what a call gives": "(n for n in x)[0]",
    "a zero that is written out": "1 / 0",
    "code in a text": "exec('y = None\\ny[0]')",
    "what nobody can know": "x_ = 1\nx * zz",
}
