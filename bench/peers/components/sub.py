"""The component `sub.AppSession` of the example's configuration."""

import operator

from calculation import component

AppSession = component("com.example.sub2", operator.sub)
