import keras

feature_extractor = keras.Sequential([
    keras.layers.Conv2D(8, 3, activation="relu"),
    keras.layers.MaxPooling2D(),
    keras.layers.Conv2D(16, 3, activation="relu"),
], name="features")
classifier = keras.Sequential(name="head")
classifier.add(keras.layers.GlobalAveragePooling2D())
classifier.add(keras.layers.Dense(5))
model = keras.Sequential([keras.layers.InputLayer(shape=(40, 30, 3)), feature_extractor, classifier])
