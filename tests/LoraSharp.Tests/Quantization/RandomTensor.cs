namespace LoraSharp.Tests.Quantization;

/// <summary>Values that kernels find hard: every magnitude, exact thresholds' neighbours, zeros of both signs, denormals, and NaN or infinity on request.</summary>
internal static class RandomTensor
{
    public static float[] Create(int seed, int count, bool withNonFinite)
    {
        var random = new Random(seed);
        var x = new float[count];
        float scale = 1;
        for (int i = 0; i < count; i++)
        {
            if (i % 32 == 0)
            {
                scale = random.Next(8) switch
                {
                    0 => 0f,
                    1 => 1e-41f,
                    2 => 1e-38f,
                    3 => 3e38f,
                    4 => MathF.Pow(10, random.Next(-30, 30)),
                    _ => 0.02f,
                };
            }

            x[i] = random.Next(24) switch
            {
                0 => 0f,
                1 => -0f,
                2 => scale,
                3 => -scale,
                4 => scale * random.Next(-32, 33) / 32f,
                _ => (float)((random.NextDouble() * 2) - 1) * scale,
            };
            if (withNonFinite && random.Next(100) == 0)
            {
                x[i] = random.Next(3) switch { 0 => float.NaN, 1 => float.PositiveInfinity, _ => float.NegativeInfinity };
            }
        }

        return x;
    }
}
