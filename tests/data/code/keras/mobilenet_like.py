import keras
from keras import backend as K
from keras.layers import *

alpha = 0.5


def _conv_block(inputs, filters, alpha, kernel=(3, 3), strides=(1, 1)):
    channel_axis = 1 if K.image_data_format() == 'channels_first' else -1
    filters = int(filters * alpha)
    x = ZeroPadding2D(padding=((0, 1), (0, 1)), name='conv1_pad')(inputs)
    x = Conv2D(filters, kernel, padding='valid', use_bias=False, strides=strides, name='conv1')(x)
    x = BatchNormalization(axis=channel_axis, name='conv1_bn')(x)
    return ReLU(6., name='conv1_relu')(x)


def _depthwise_conv_block(inputs, pointwise_conv_filters, alpha, depth_multiplier=1, strides=(1, 1), block_id=1):
    channel_axis = -1
    pointwise_conv_filters = int(pointwise_conv_filters * alpha)
    if strides == (1, 1):
        x = inputs
    else:
        x = ZeroPadding2D(((0, 1), (0, 1)), name='conv_pad_%d' % block_id)(inputs)
    x = DepthwiseConv2D((3, 3), padding='same' if strides == (1, 1) else 'valid',
                        depth_multiplier=depth_multiplier, strides=strides, use_bias=False,
                        name='conv_dw_%d' % block_id)(x)
    x = BatchNormalization(axis=channel_axis, name='conv_dw_%d_bn' % block_id)(x)
    x = ReLU(6., name='conv_dw_%d_relu' % block_id)(x)
    x = Conv2D(pointwise_conv_filters, (1, 1), padding='same', use_bias=False, strides=(1, 1),
               name='conv_pw_%d' % block_id)(x)
    x = BatchNormalization(axis=channel_axis, name='conv_pw_%d_bn' % block_id)(x)
    return ReLU(6., name='conv_pw_%d_relu' % block_id)(x)


img_input = Input(shape=(160, 128, 3))
x = _conv_block(img_input, 32, alpha, strides=(2, 2))
x = _depthwise_conv_block(x, 64, alpha, 1, block_id=1)
x = _depthwise_conv_block(x, 128, alpha, 1, strides=(2, 2), block_id=2)
x = _depthwise_conv_block(x, 128, alpha, 1, block_id=3)
x = GlobalAveragePooling2D(keepdims=True)(x)
x = Dropout(1e-3, name='dropout')(x)
x = Conv2D(7, (1, 1), padding='same', name='conv_preds')(x)
x = Reshape((7,), name='reshape_2')(x)
x = Activation(activation='softmax', name='predictions')(x)
model = keras.Model(img_input, x, name='mobilenet_%0.2f_%s' % (alpha, 160))
