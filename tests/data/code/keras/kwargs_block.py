import keras
from keras import layers
def conv(filters, **kw):
    kw.setdefault("padding", "same")
    def apply(x):
        x = layers.Conv2D(filters, **kw)(x)
        return layers.BatchNormalization()(x)
    return apply
def compose(*funcs):
    def f(x):
        for g in funcs:
            x = g(x)
        return x
    return f
inp = keras.Input((32, 32, 3))
x = compose(conv(8, kernel_size=3), layers.ReLU(), conv(16, kernel_size=3, strides=2))(inp)
model = keras.Model(inp, x)
