import tensorflow as tf
from tensorflow.keras import layers, models

class ConvBNReLU(layers.Layer):
    def __init__(self, filters, kernel=3, strides=1, groups=1, name=None):
        super().__init__(name=name)
        self.conv = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False, groups=groups)
        self.bn = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.act = layers.ReLU(max_value=6.0)

    def call(self, inputs, training=None, **kwargs):
        return self.act(self.bn(self.conv(inputs), training=training))

class InvertedResidual(layers.Layer):
    def __init__(self, in_channel, out_channel, stride, expand_ratio, **kwargs):
        super(InvertedResidual, self).__init__(**kwargs)
        hidden = in_channel * expand_ratio
        self.use_shortcut = stride == 1 and in_channel == out_channel
        layer_list = []
        if expand_ratio != 1:
            layer_list.append(ConvBNReLU(hidden, 1, name="expand"))
        layer_list.extend([
            layers.DepthwiseConv2D(3, padding="same", strides=stride, use_bias=False, name="dw"),
            layers.BatchNormalization(name="dw_bn"),
            layers.Conv2D(out_channel, 1, use_bias=False, name="project"),
        ])
        self.main_branch = models.Sequential(layer_list, name="expanded_conv")

    def call(self, inputs, training=False):
        if self.use_shortcut:
            return inputs + self.main_branch(inputs, training=training)
        return self.main_branch(inputs, training=training)

def mobilenet(im_height=64, im_width=48, num_classes=5):
    input_image = layers.Input(shape=(im_height, im_width, 3), dtype="float32")
    x = ConvBNReLU(16, strides=2, name="conv1")(input_image)
    cfg = [[1, 16, 1, 1], [6, 24, 2, 2]]
    in_c = 16
    for t, c, n, s in cfg:
        for i in range(n):
            x = InvertedResidual(in_c, c, s if i == 0 else 1, t, name=f"block{c}_{i}")(x)
            in_c = c
    x = layers.GlobalAveragePooling2D()(x)
    return models.Model(inputs=input_image, outputs=layers.Dense(num_classes)(x))

model = mobilenet()
