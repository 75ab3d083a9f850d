import keras
from keras import ops, layers
i = keras.Input((10, 6))
q = layers.Dense(4)(i); k = layers.Dense(4)(i); v = layers.Dense(4)(i)
s = ops.matmul(q, ops.transpose(k, axes=(0, 2, 1))) / ops.sqrt(ops.cast(4, "float32"))
w = ops.softmax(s, axis=-1)
o = ops.matmul(w, v)
o = ops.sum(o, axis=1) + ops.max(i, axis=1)[:, :4]
o = ops.concatenate([o, ops.abs(o), ops.maximum(o, 0.0)], axis=-1)
o = ops.stack([o, o], axis=1)
o = ops.clip(o, -1, 1)
o = ops.where(o > 0, o, o * 0.1)
model = keras.Model(i, layers.Flatten()(o))
