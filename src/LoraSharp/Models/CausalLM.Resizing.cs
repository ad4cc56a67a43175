using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp;

public sealed partial class CausalLM
{
    /// <summary>
    /// Gives the token table and the output head room for another number of tokens, as transformers' resize_token_embeddings does after tokens were added to a tokenizer. New rows start as the mean of the
    /// old ones; rows beyond a smaller size are dropped. Tied matrices stay tied.
    /// </summary>
    /// <param name="vocabularySize">The new number of rows, usually <c>tokenizer.VocabSizeWithAddedTokens</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive.</exception>
    /// <exception cref="InvalidOperationException">Adapters stand in the place of the table or the head.</exception>
    public void ResizeTokenEmbeddings(int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, 1);
        if (Embedding is not Embedding table || Head is not Linear { Weight: DenseWeight } head)
        {
            throw new InvalidOperationException("An adapter stands in the place of the token table or the output head. Resize before adding adapters, or take them out first.");
        }

        if (table.Weight.shape[0] == vocabularySize)
        {
            return;
        }

        if (!TiesWordEmbeddings && head.Weight.Parameter is null)
        {
            throw new InvalidOperationException("The output head is quantised, so it cannot grow. Load the model with lm_head in QuantizationConfig.SkipModules.");
        }

        using var noGrad = no_grad();
        Parameter rows = Resized(table.Weight, vocabularySize);
        Parameter? bias = head.Bias is { } old ? Resized(old, vocabularySize) : null;
        LinearWeight weight = TiesWordEmbeddings ? new DenseWeight(rows) : new DenseWeight(Resized(head.Weight.Parameter!, vocabularySize));
        LinearWeight before = head.Resize(weight, bias);
        Parameter oldTable = table.ExchangeWeight(rows);
        before.Dispose();
        oldTable.Dispose();
        Config.Json["vocab_size"] = vocabularySize;
    }

    private static Parameter Resized(Parameter old, int rows)
    {
        using var scope = NewDisposeScope();
        long kept = Math.Min(old.shape[0], rows);
        Tensor result = old.detach().to(ScalarType.Float32).mean([0], keepdim: true).to(old.dtype).expand([rows, .. old.shape[1..]]).clone();
        result.narrow(0, 0, kept).copy_(old.narrow(0, 0, kept));
        return (Parameter)new Parameter(result, old.requires_grad).DetachFromDisposeScope();
    }
}
