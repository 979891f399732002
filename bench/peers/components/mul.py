"""The component `mul.AppSession` of the example's configuration."""

import operator

from calculation import component

AppSession = component("com.example.mul2", operator.mul)
