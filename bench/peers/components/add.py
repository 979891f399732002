"""The component `add.AppSession` of the example's configuration."""

import operator

from calculation import component

AppSession = component("com.example.add2", operator.add)
