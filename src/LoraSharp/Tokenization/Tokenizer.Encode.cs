using LoraSharp.Tokenization;

namespace LoraSharp;

/// <content>From text to ids.</content>
public sealed partial class Tokenizer
{
    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any text; a lone surrogate counts as U+FFFD.</param>
    /// <param name="addSpecialTokens">Adds the special tokens of the post-processor. Default: true.</param>
    public IReadOnlyList<int> EncodeToIds(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        EncodingBuffer encoding = _pipeline.Encode(text, 0, splitSpecialTokens: false, details: false);
        return Finish([encoding], addSpecialTokens, null).Ids.ToArray();
    }

    /// <summary>A text, or a pair of texts, with everything known about its tokens.</summary>
    /// <param name="text">Any text; a lone surrogate counts as U+FFFD.</param>
    /// <param name="pair">The second text of a pair; null (the default): there is none.</param>
    /// <param name="options">What else to do; null (the default) stands for the defaults of <see cref="EncodeOptions"/>.</param>
    /// <exception cref="ArgumentException">The truncation leaves no room for the special tokens, or nothing of the text that it cuts.</exception>
    public TokenEncoding Encode(string text, string? pair = null, EncodeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        options ??= new EncodeOptions();
        EncodingBuffer encoding = EncodeOne(text, pair, options);
        Pad([encoding], options.Padding);
        return new TokenEncoding(encoding);
    }

    /// <summary>Many texts, or pairs of texts, on all cores; padded to one length where <see cref="EncodeOptions.Padding"/> asks for it.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="pairs">The second texts, as many as the first; null (the default): there are none.</param>
    /// <param name="options">What else to do; null (the default) stands for the defaults of <see cref="EncodeOptions"/>.</param>
    /// <param name="cancellationToken">Stops between texts.</param>
    /// <exception cref="ArgumentException">As for <see cref="Encode"/>, or the numbers of texts and pairs differ.</exception>
    public IReadOnlyList<TokenEncoding> EncodeBatch(
        IReadOnlyList<string> texts,
        IReadOnlyList<string>? pairs = null,
        EncodeOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (pairs is not null && pairs.Count != texts.Count)
        {
            throw new ArgumentException(
                $"There are {texts.Count} texts but {pairs.Count} second texts. Give each text its second one, or none at all.", nameof(pairs));
        }

        options ??= new EncodeOptions();
        var encodings = new EncodingBuffer[texts.Count];
        void EncodeAt(int i) => encodings[i] = EncodeOne(texts[i], pairs?[i], options);
        if (texts.Count == 1)
        {
            EncodeAt(0);
        }
        else
        {
            try
            {
                Parallel.For(0, texts.Count, new ParallelOptions { CancellationToken = cancellationToken }, EncodeAt);
            }
            catch (AggregateException e)
            {
                // The first error is what a caller of Encode would have met.
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
            }
        }

        Pad(encodings, options.Padding);
        return [.. encodings.Select(encoding => new TokenEncoding(encoding))];
    }

    private EncodingBuffer EncodeOne(string text, string? pair, EncodeOptions options)
    {
        var encodings = new List<EncodingBuffer> { _pipeline.Encode(text, 0, options.SplitSpecialTokens, details: true) };
        if (pair is not null)
        {
            encodings.Add(_pipeline.Encode(pair, 1, options.SplitSpecialTokens, details: true));
        }

        return Finish(encodings, options.AddSpecialTokens, options.Truncation);
    }

    private EncodingBuffer Finish(List<EncodingBuffer> encodings, bool addSpecialTokens, TruncationOptions? truncation)
    {
        if (truncation is not null)
        {
            int added = addSpecialTokens ? CountAddedSpecialTokens(encodings.Count > 1) : 0;
            EncodingTruncation.Apply(encodings, truncation, added);
        }

        if (_pipeline.PostProcessor is null)
        {
            return Join(encodings);
        }

        for (int i = 0; i < encodings.Count; i++)
        {
            encodings[i].SetTypeId(i);
        }

        return Join(_pipeline.PostProcessor.Process(encodings, addSpecialTokens));
    }

    private static EncodingBuffer Join(List<EncodingBuffer> encodings)
    {
        EncodingBuffer? first = encodings.Count > 0 ? encodings[0] : null;
        for (int i = 1; i < encodings.Count; i++)
        {
            first!.Append(encodings[i]);
        }

        return first ?? new EncodingBuffer(details: true);
    }

    private void Pad(IReadOnlyList<EncodingBuffer> encodings, PaddingOptions? padding)
    {
        if (padding is null || encodings.Count == 0)
        {
            return;
        }

        if (padding.Length < 0 || padding.PadToMultipleOf < 0)
        {
            throw new ArgumentException(
                $"Padding to a length of {padding.Length} and a multiple of {padding.PadToMultipleOf} is not possible. Neither may be negative.",
                nameof(padding));
        }

        string token = padding.PadToken ?? PadToken ?? throw new ArgumentException(
            "The tokenizer has no pad token. Name one with SetSpecialToken(\"pad_token\", ...), or set PaddingOptions.PadToken and PadId.",
            nameof(padding));
        int id = padding.PadId ?? TokenToId(token) ?? throw new ArgumentException(
            $"The pad token '{token}' is not in the vocabulary. Add it with AddSpecialTokens, or set PaddingOptions.PadId.", nameof(padding));
        int length = padding.Length ?? encodings.Max(encoding => encoding.Count);
        if (padding.PadToMultipleOf is > 0 and int multiple && length % multiple != 0)
        {
            length = checked(length + multiple - (length % multiple));
        }

        foreach (EncodingBuffer encoding in encodings)
        {
            encoding.Pad(length, id, token, padding.PadTypeId, padding.Side);
        }
    }
}
