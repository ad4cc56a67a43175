using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>A trainable tensor under its full name, which is what checkpoints know it by.</summary>
/// <param name="Name">The dotted name, as <c>named_parameters()</c> gives it.</param>
/// <param name="Value">The tensor; the optimizer changes it in place and does not own it.</param>
public sealed record NamedParameter(string Name, Tensor Value);
