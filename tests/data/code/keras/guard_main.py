import argparse
import keras
from keras import layers
def build_model(num_classes: int = 4, *, width: float = 1.0) -> keras.Model:
    """Build."""
    w = lambda c: max(1, round(c * width))
    inputs = keras.Input(shape=(16, 16, 3), name="image")
    x = layers.Conv2D(w(8), 3)(inputs)
    x: keras.KerasTensor = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x), name="tiny")
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--classes", type=int, default=4)
    args = parser.parse_args()
    model = build_model(args.classes)
    model.fit()
model = build_model(width=2.0)
if __name__ == "__main__":
    main()
