using System.Globalization;

namespace LoraSharp;

/// <summary>Numbers of parameters, printed as PEFT's print_trainable_parameters does.</summary>
/// <param name="Trainable">Elements that are trained.</param>
/// <param name="Total">All elements; a 4-bit weight counts twice its stored bytes, a shared one once.</param>
public sealed record ParameterCount(long Trainable, long Total)
{
    /// <summary>Share of the trainable ones, in percent.</summary>
    public double Percent => Total == 0 ? 0 : 100.0 * Trainable / Total;

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"trainable params: {Trainable:N0} || all params: {Total:N0} || trainable%: {Percent:F4}");
}
