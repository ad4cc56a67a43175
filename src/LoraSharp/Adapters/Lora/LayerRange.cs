namespace LoraSharp;

/// <summary>Layers from one number up to, not including, another.</summary>
/// <param name="From">First layer, counted from 0.</param>
/// <param name="To">One past the last layer.</param>
public sealed record LayerRange(int From, int To);
