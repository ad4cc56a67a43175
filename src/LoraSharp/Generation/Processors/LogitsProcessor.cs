using static TorchSharp.torch;

namespace LoraSharp.Generation.Processors;

/// <summary>Changes the scores of the next token. Called inside a dispose scope.</summary>
internal abstract class LogitsProcessor
{
    /// <param name="ids">All ids so far (B, T) int64, prompt included.</param>
    /// <param name="scores">(B, vocabulary) float32.</param>
    /// <returns>The new scores; the given ones may be changed in place.</returns>
    public abstract Tensor Process(Tensor ids, Tensor scores);

    /// <summary>The processors that options ask for, in transformers' order; those at their neutral value are left out.</summary>
    /// <param name="options">The options.</param>
    /// <param name="padding">Left padding of each row, which no penalty falls on.</param>
    public static IReadOnlyList<LogitsProcessor> For(GenerationOptions options, IReadOnlyList<int> padding)
    {
        var list = new List<LogitsProcessor>();
        if (options.RepetitionPenalty != 1)
        {
            list.Add(new RepetitionPenalty(options.RepetitionPenalty, padding));
        }

        if (options.DoSample)
        {
            if (options.Temperature != 1)
            {
                list.Add(new Temperature(options.Temperature));
            }

            if (options.TopK > 0)
            {
                list.Add(new TopK(options.TopK));
            }

            if (options.TopP < 1)
            {
                list.Add(new TopP(options.TopP));
            }
        }

        return list;
    }
}
