using System.Numerics;
using LoraSharp.Interop;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Measures the norm of all gradients together, and scales them down where it is too large.</summary>
internal static class GradientClipping
{
    /// <summary>Measures and clips the gradients of an optimizer's parameters.</summary>
    /// <param name="groups">The parameters; those without gradient are passed over.</param>
    /// <param name="maxNorm">The largest norm that remains; 0 only measures.</param>
    /// <returns>The norm before clipping.</returns>
    public static double Clip(IEnumerable<ParameterGroup> groups, double maxNorm)
    {
        using DisposeScope scope = NewDisposeScope();
        return Clip([.. groups.SelectMany(group => group.Parameters).Select(parameter => parameter.Value.grad).OfType<Tensor>()], maxNorm);
    }

    /// <summary>Measures and clips gradients: each is multiplied by min(1, maxNorm / (norm + 1e-6)).</summary>
    /// <remarks>
    /// A norm that is not finite is no error: an infinite one (also where the squares leave float32's range) makes finite gradients 0 and infinite
    /// ones NaN; NaN makes all NaN.
    /// </remarks>
    public static double Clip(IReadOnlyList<Tensor> gradients, double maxNorm)
    {
        if (double.IsNaN(maxNorm) || maxNorm < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(maxNorm), maxNorm, "The largest gradient norm is a number above 0, or 0 to only measure it.");
        }

        using var noGrad = no_grad();
        double norm = Norm(gradients);
        double coefficient = maxNorm > 0 ? maxNorm / (norm + 1e-6) : 1;
        if (coefficient < 1 || double.IsNaN(coefficient))
        {
            foreach (Tensor gradient in gradients)
            {
                gradient.mul_(coefficient);
            }
        }

        return norm;
    }

    /// <summary>The L2 norm of all gradients as one vector.</summary>
    public static double Norm(IEnumerable<Tensor> gradients)
    {
        double total = 0;
        foreach (Tensor gradient in gradients)
        {
            total += InFloatRange(SumOfSquares(gradient));
        }

        return Math.Sqrt(InFloatRange(total));
    }

    // What overflows in float32 counts as infinite, as in torch: a step from such gradients would be worthless.
    private static double InFloatRange(double square) => square > float.MaxValue ? double.PositiveInfinity : square;

    private static double SumOfSquares(Tensor gradient)
    {
        if (gradient.dtype == ScalarType.Float32 && gradient.device_type == DeviceType.CPU && gradient.is_contiguous() && gradient.numel() <= int.MaxValue)
        {
            return SumOfSquares(TensorMemory.Span<float>(gradient));
        }

        using DisposeScope scope = NewDisposeScope();
        double norm = gradient.to(ScalarType.Float32).norm().ToDouble();
        return norm * norm;
    }

    // Squares are added in double: the sum of millions of float32 squares would lose its last digits otherwise.
    private static double SumOfSquares(ReadOnlySpan<float> values)
    {
        Vector<double> low = Vector<double>.Zero;
        Vector<double> high = Vector<double>.Zero;
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(values[i..]), out Vector<double> a, out Vector<double> b);
            low += a * a;
            high += b * b;
        }

        double sum = Vector.Sum(low + high);
        for (; i < values.Length; i++)
        {
            sum += (double)values[i] * values[i];
        }

        return sum;
    }
}
