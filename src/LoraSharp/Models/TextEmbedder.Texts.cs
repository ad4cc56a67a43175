using LoraSharp.Models;
using LoraSharp.Tokenization;
using static TorchSharp.torch;

namespace LoraSharp;

/// <content>From texts to vectors.</content>
public sealed partial class TextEmbedder
{
    private Tokenizer? _tokenizer;

    /// <summary>The tokenizer of the model's folder, loaded when it is first needed; or one that is set.</summary>
    /// <exception cref="InvalidOperationException">The model comes from no folder.</exception>
    /// <exception cref="FileNotFoundException">The folder has no tokenizer.</exception>
    public Tokenizer Tokenizer
    {
        get => _tokenizer ??= Tokenizer.Load(SourceFolder ?? throw new InvalidOperationException("The model comes from no folder, so there is no tokenizer beside it. Set the property Tokenizer."));
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            _tokenizer = value;
        }
    }

    /// <summary>
    /// The most tokens of a text, special ones included: what sentence-transformers' settings in the folder say, else the smaller of the tokenizer's limit and the model's positions.
    /// </summary>
    public int MaxLength => _settings.MaxLength ?? Math.Min(Tokenizer.ModelMaxLength ?? int.MaxValue, Positions);

    /// <summary>The positions that the model has; RoBERTa counts them from the padding's id on.</summary>
    internal int Positions => _spec.Body.Embedding is { PositionRows: > 0 } embedding
        ? embedding.PositionRows - (embedding.PositionRule == PositionRule.Ids ? (embedding.PaddingId ?? 0) + 1 : 0)
        : int.MaxValue;

    /// <summary>One vector for each text, without gradients. Texts of like length share a batch, so that little is computed for padding.</summary>
    /// <param name="texts">The texts; an empty one has the vector of its special tokens.</param>
    /// <param name="options">Batches, length and prompt; null: the defaults.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    /// <returns>(texts, hidden), in the order of the texts; pooled as <see cref="Pooling"/> says, of length 1 with <see cref="Normalize"/>.</returns>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public Tensor Embed(IReadOnlyList<string> texts, EmbeddingOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        options ??= new EmbeddingOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        IReadOnlyList<TokenEncoding> encodings = EncodeTexts([.. texts.Select(text => options.Prompt + text)], options.MaxLength, cancellationToken);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor vectors = zeros([texts.Count, _spec.Body.HiddenSize], Dtype);
        foreach (int[] places in Enumerable.Range(0, texts.Count).OrderByDescending(place => encodings[place].Ids.Count).Chunk(options.BatchSize))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var batch = NewDisposeScope();
            (Tensor ids, Tensor? mask, Tensor types) = Batch([.. places.Select(place => encodings[place])]);
            vectors.index_copy_(0, tensor(places, dtype: ScalarType.Int64), Embed(ids, mask, types));
        }

        return vectors.MoveToOuterDisposeScope();
    }

    /// <summary>How alike vectors are: the cosine of the angle between each of the first ones and each of the second.</summary>
    /// <param name="first">(A, hidden).</param>
    /// <param name="second">(B, hidden); null: the first ones again.</param>
    /// <returns>(A, B), from −1 to 1.</returns>
    public static Tensor CosineSimilarity(Tensor first, Tensor? second = null)
    {
        ArgumentNullException.ThrowIfNull(first);
        using var scope = NewDisposeScope();
        Tensor a = nn.functional.normalize(first, 2, 1), b = second is null ? a : nn.functional.normalize(second, 2, 1);
        return a.matmul(b.t()).MoveToOuterDisposeScope();
    }

    /// <summary>The tokens of each text, cut to a length.</summary>
    internal IReadOnlyList<TokenEncoding> EncodeTexts(IReadOnlyList<string> texts, int? maxLength, CancellationToken cancellationToken)
    {
        int length = maxLength ?? MaxLength;
        if (length < 1 || length > Positions)
        {
            throw new ArgumentOutOfRangeException(nameof(maxLength), length, $"The length of a text is from 1 to the model's {Positions} positions.");
        }

        TruncationOptions? truncation = length == int.MaxValue ? null : new TruncationOptions(length);
        return Tokenizer.EncodeBatch(
            _settings.LowerCase ? [.. texts.Select(text => text.ToLowerInvariant())] : texts, options: new EncodeOptions { Truncation = truncation }, cancellationToken: cancellationToken);
    }

    /// <summary>Ids, mask (null without padding) and token types (B, T) of texts side by side, padded on the right.</summary>
    internal (Tensor Ids, Tensor? Mask, Tensor Types) Batch(IReadOnlyList<TokenEncoding> encodings)
    {
        int rows = encodings.Count, width = Math.Max(1, encodings.Max(encoding => encoding.Ids.Count));
        long[] ids = new long[rows * width], mask = new long[rows * width], types = new long[rows * width];
        Array.Fill(ids, Tokenizer.PadId ?? _spec.PaddingId ?? 0);
        for (int r = 0; r < rows; r++)
        {
            for (int i = 0; i < encodings[r].Ids.Count; i++)
            {
                int at = (r * width) + i;
                (ids[at], mask[at], types[at]) = (encodings[r].Ids[i], 1, encodings[r].TypeIds[i]);
            }
        }

        return (tensor(ids, rows, width), mask.Contains(0) ? tensor(mask, rows, width) : null, tensor(types, rows, width));
    }
}
