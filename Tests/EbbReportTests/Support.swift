import Ebb
import Testing
