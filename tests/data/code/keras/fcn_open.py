from keras import Sequential, layers, Input

model = Sequential()
model.add(Input(shape=(None, None, 3)))
model.add(layers.Conv2D(16, 3, padding="same"))
model.add(layers.ReLU())
model.add(layers.SpatialDropout2D(0.2))
model.add(layers.Conv2D(1, 1, activation="sigmoid"))
