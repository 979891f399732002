"""The component `div.AppSession` of the example's configuration; as there, it is the modulo."""

import operator

from calculation import component

AppSession = component("com.example.div2", operator.mod)
