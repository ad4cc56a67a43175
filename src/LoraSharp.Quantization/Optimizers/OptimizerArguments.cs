namespace LoraSharp.Quantization;

/// <summary>Validation shared by the optimizers.</summary>
internal static class OptimizerArguments
{
    public static void RequireBeta(double value, string name)
    {
        if (!(value is >= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(name, value, "A beta must lie in [0, 1).");
        }
    }

    public static void RequireNotNegative(double value, string name)
    {
        if (!(value >= 0) || double.IsInfinity(value))
        {
            throw new ArgumentOutOfRangeException(name, value, "The value must be finite and at least 0.");
        }
    }

    public static void RequireTypes<TParameter, TGradient>()
        where TParameter : unmanaged
        where TGradient : unmanaged
    {
        // Reading the type refuses those that kernels do not know.
        _ = Element<TParameter>.Type;
        _ = Element<TGradient>.Type;
    }

    public static void RequireLengths(int parameters, int gradients, params ReadOnlySpan<int> moments)
    {
        FourBitLayout.RequireLength(gradients, parameters, "The gradient");
        foreach (int moment in moments)
        {
            FourBitLayout.RequireLength(moment, parameters, "The optimizer state");
        }
    }
}
