from keras.layers import *
from keras.models import Model
import keras.backend as K

def conv_block(x, size, dropout=0.0, batch_norm=True):
    for _ in range(2):
        x = Conv2D(size, (3, 3), padding="same")(x)
        if batch_norm is True:
            x = BatchNormalization(axis=3)(x)
        x = Activation("relu")(x)
    if dropout > 0:
        x = Dropout(dropout)(x)
    return x

def repeat_elem(tensor, rep):
    return Lambda(lambda x, repnum: K.repeat_elements(x, repnum, axis=3), arguments={"repnum": rep})(tensor)

def gating_signal(input, out_size, batch_norm=False):
    x = Conv2D(out_size, (1, 1), padding="same")(input)
    if batch_norm:
        x = BatchNormalization()(x)
    return Activation("relu")(x)

def attention_block(x, gating, inter_shape):
    theta_x = Conv2D(inter_shape, (2, 2), strides=(2, 2), padding="same")(x)
    phi_g = Conv2D(inter_shape, (1, 1), padding="same")(gating)
    act_xg = Activation("relu")(add([theta_x, phi_g]))
    psi = Conv2D(1, (1, 1), padding="same")(act_xg)
    sigmoid_xg = Activation("sigmoid")(psi)
    upsample_psi = UpSampling2D(size=(2, 2))(sigmoid_xg)
    y = multiply([upsample_psi, x])
    result = Conv2D(x.shape[3], (1, 1), padding="same")(y)
    return BatchNormalization()(result)

inputs = Input((64, 64, 1))
c1 = conv_block(inputs, 8)
p1 = MaxPooling2D(pool_size=(2, 2))(c1)
c2 = conv_block(p1, 16, dropout=0.1)
p2 = MaxPooling2D((2, 2))(c2)
c3 = conv_block(p2, 32)
g = gating_signal(c3, 16, True)
att = attention_block(c2, g, 16)
u = concatenate([UpSampling2D((2, 2), data_format="channels_last")(c3), att], axis=3)
c4 = conv_block(u, 16)
u2 = concatenate([Conv2DTranspose(8, 2, strides=2)(c4), c1])
out = Conv2D(1, kernel_size=(1, 1), activation="sigmoid")(conv_block(u2, 8))
model = Model(inputs, out, name="Attention_UNet")
