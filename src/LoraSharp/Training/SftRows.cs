using LoraSharp.Data;

namespace LoraSharp.Training;

/// <summary>From data sets to rows that a model can be trained on.</summary>
internal static class SftRows
{
    public static IReadOnlyList<TokenizedRow> Prepare(Tokenizer tokenizer, Dataset data, SftOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (options.EosToken is { } eos)
        {
            if (tokenizer.TokenToId(eos) is null)
            {
                throw new TrainingException($"EosToken is '{eos}', which is no token of this tokenizer. Name one of its tokens, or add it with AddSpecialTokens.");
            }

            tokenizer.SetSpecialToken("eos_token", eos);
        }

        return RowPreparation.Prepare(data, new TokenizerRowEncoder(tokenizer), options.Preparation, options.DataPreparation, cancellationToken).RequireRows();
    }

    public static EvalSet[] PrepareEval(Tokenizer tokenizer, Dataset? data, SftOptions options, CancellationToken cancellationToken) =>
        data is null ? [] : [PrepareEval(tokenizer, null, data, options, cancellationToken)];

    public static EvalSet[] PrepareEval(Tokenizer tokenizer, IReadOnlyDictionary<string, Dataset> data, SftOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(data);
        return [.. data.Select(item => PrepareEval(tokenizer, item.Key, item.Value, options, cancellationToken))];
    }

    private static EvalSet PrepareEval(Tokenizer tokenizer, string? name, Dataset data, SftOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new EvalSet(name, RowPreparation.Prepare(data, new TokenizerRowEncoder(tokenizer), options.EvalPreparation, options.DataPreparation, cancellationToken).RequireRows());
    }

    /// <summary>Names a row that the model cannot take: past a table's end libtorch reads nothing sensible, or fails in the middle of a run.</summary>
    public static void RequireFit(CausalLM model, IReadOnlyList<TokenizedRow> rows, string what)
    {
        int vocabulary = model.Config.Integer("vocab_size"), longest = model.LearnedPositions ?? int.MaxValue;
        for (int i = 0; i < rows.Count; i++)
        {
            foreach (int id in rows[i].InputIds)
            {
                if (id < 0 || id >= vocabulary)
                {
                    throw new InvalidDataException($"Row {i} of the {what} data holds the token id {id}, but the model knows the ids below {vocabulary}. Use the model's own tokenizer.");
                }
            }

            int length = rows[i].SequenceLengths?.Max() ?? rows[i].Length;
            if (length > longest)
            {
                throw new InvalidDataException($"Row {i} of the {what} data has {length} tokens, but the model has learned positions for {longest}. Set MaxLength to {longest} or less.");
            }
        }
    }

    /// <summary>Only places that padding fills carry this id, and they are masked by place, so any id does; the end token is the usual fallback.</summary>
    public static int PadId(CausalLM model, Tokenizer? tokenizer) =>
        tokenizer?.PadId ?? model.Config.OptionalInteger("pad_token_id") ?? tokenizer?.EosId ?? 0;
}
