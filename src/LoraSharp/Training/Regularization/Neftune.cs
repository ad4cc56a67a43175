using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Uniform noise on the output of the input embedding while training (NEFTune, arXiv:2310.05914).</summary>
internal static class Neftune
{
    /// <summary>The noise lies within ± alpha / √(length · hidden), length being the padded one.</summary>
    public static double Magnitude(double alpha, long length, long hidden) => alpha / Math.Sqrt(length * (double)hidden);

    /// <summary>Adds noise drawn from libtorch's global generator.</summary>
    /// <param name="embedding">(batch, length, hidden).</param>
    /// <param name="alpha">The strength; 5 is usual.</param>
    public static Tensor AddNoise(Tensor embedding, double alpha)
    {
        long[] shape = embedding.shape;
        double magnitude = Magnitude(alpha, shape[^2], shape[^1]);
        using Tensor noise = empty_like(embedding, requires_grad: false).uniform_(-magnitude, magnitude);
        return embedding + noise;
    }
}
