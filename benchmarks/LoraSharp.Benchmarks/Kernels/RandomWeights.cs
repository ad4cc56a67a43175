using LoraSharp.Quantization;

namespace LoraSharp.Benchmarks.Kernels;

/// <summary>Weights as a trained layer has them: normal, standard deviation 0.02.</summary>
internal static class RandomWeights
{
    public static float[] Singles(int count)
    {
        var random = new Random(1);
        var weights = new float[count];
        for (int i = 0; i < count; i++)
        {
            // The sum of uniform numbers is near enough to a normal one for timing.
            weights[i] = 0.02f * (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2;
        }

        return weights;
    }

    public static BFloat16[] BrainFloats(int count) => Array.ConvertAll(Singles(count), BFloat16.FromSingle);
}
