// TorchSharp.Modules has layers of the same names as this library's own; of that namespace only this type is used everywhere.
global using Parameter = TorchSharp.Modules.Parameter;
