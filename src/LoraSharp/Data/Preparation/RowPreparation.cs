namespace LoraSharp.Data;

/// <summary>
/// From the rows of a data set to rows to train on, as TRL's SFTTrainer does it: form, end of sequence, tokens, labels, then cutting and dropping,
/// or packing.
/// </summary>
internal static class RowPreparation
{
    /// <summary>Rows that are tokenised side by side before the next ones are looked at.</summary>
    private const int BlockSize = 512;

    /// <summary>Prepares a data set.</summary>
    /// <param name="data">The rows; the first one decides their form.</param>
    /// <param name="encoder">The tokenizer; null when all rows are tokenised already.</param>
    /// <param name="options">The options.</param>
    /// <param name="progress">Told the number of rows tokenised so far.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ArgumentException">The options do not fit together or to the rows.</exception>
    /// <exception cref="InvalidDataException">A row cannot be used; the message names it.</exception>
    public static PreparedRows Prepare(
        Dataset data, IRowEncoder? encoder, PreparationOptions options, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Validate();
        IReadOnlyList<DataRow> source = data.RequireRows();
        bool completionOnly = options.CompletionOnlyLoss ?? RowForms.IsPair(source[0]);
        var rows = new List<TokenizedRow>(source.Count);
        foreach (EncodedRow row in Encode(data, encoder, options, progress, cancellationToken))
        {
            rows.Add(row.ToTrainingRow(completionOnly));
        }

        IReadOnlyList<TokenizedRow> prepared = options.Packing ? Pack(rows, options) : Cut(rows, options);
        if (options.ShuffleSeed is { } seed)
        {
            prepared = Shuffle(prepared, seed);
        }

        return new PreparedRows(prepared, completionOnly, options.Packing ? 0 : rows.Count - prepared.Count);
    }

    /// <summary>The tokens and masks of each row.</summary>
    public static IEnumerable<EncodedRow> Encode(
        Dataset data, IRowEncoder? encoder, PreparationOptions options, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        IReadOnlyList<DataRow> source = data.RequireRows();
        RowForm form = RowForms.Detect(source[0], options.TextColumn);
        CheckAssistant(form, encoder, options);
        if (form != RowForm.Tokenized && encoder is null)
        {
            throw new ArgumentException($"Rows of the form {form} need a tokenizer.", nameof(encoder));
        }

        if (form is RowForm.Chat or RowForm.ChatPromptCompletion && !encoder!.HasChatTemplate)
        {
            throw new ArgumentException("The rows are chats, but the tokenizer has no chat template; set its ChatTemplateSource.", nameof(encoder));
        }

        var encoding = new RowEncoding(form, encoder!, options);
        for (int start = 0; start < source.Count; start += BlockSize)
        {
            var block = new EncodedRow?[Math.Min(BlockSize, source.Count - start)];
            var failures = new Exception?[block.Length];
            Parallel.For(0, block.Length, new ParallelOptions { CancellationToken = cancellationToken }, i =>
            {
                try
                {
                    block[i] = encoding.Encode(source[start + i]);
                }
                catch (Exception exception)
                {
                    failures[i] = exception;
                }
            });

            // In order, so that the first bad row is the one that is named, whatever the threads did.
            for (int i = 0; i < block.Length; i++)
            {
                yield return block[i] ?? throw new InvalidDataException($"'{data.Source}', row {start + i} (the first is 0): {failures[i]!.Message}", failures[i]);
            }

            progress?.Report(start + block.Length);
        }
    }

    private static void CheckAssistant(RowForm form, IRowEncoder? encoder, PreparationOptions options)
    {
        if (!options.AssistantOnlyLoss)
        {
            return;
        }

        if (form == RowForm.Tokenized)
        {
            throw new ArgumentException(
                $"The rows are tokenised already, so there are no chats to find the assistant's words in. "
                + $"Their column '{RowForms.AssistantMasks}' applies by itself; turn AssistantOnlyLoss off.");
        }

        if (form is not (RowForm.Chat or RowForm.ChatPromptCompletion))
        {
            throw new ArgumentException($"AssistantOnlyLoss needs chats ('{RowForms.Messages}'), but the rows are of the form {form}.");
        }

        if (encoder is { MarksAssistant: false })
        {
            throw new ArgumentException(
                "AssistantOnlyLoss needs a chat template that encloses the assistant's words in {% generation %} ... {% endgeneration %}; "
                + "this tokenizer's template does not.");
        }
    }

    private static IReadOnlyList<TokenizedRow> Pack(IReadOnlyList<TokenizedRow> rows, PreparationOptions options)
    {
        if (options.ShuffleSeed is { } seed)
        {
            rows = Shuffle(rows, seed);
        }

        return RowPacking.Pack(rows, options.MaxLength!.Value, options.PackingStrategy);
    }

    private static IReadOnlyList<TokenizedRow> Cut(IReadOnlyList<TokenizedRow> rows, PreparationOptions options)
    {
        if (options.MaxLength is not { } length)
        {
            return rows;
        }

        return [.. rows.Select(Shortened).Where(row => row.HasLabels)];

        TokenizedRow Shortened(TokenizedRow row) => row.Length <= length
            ? row
            : row.Slice(options.TruncationMode == TruncationMode.KeepStart ? ..length : ^length..);
    }

    private static IReadOnlyList<TokenizedRow> Shuffle(IReadOnlyList<TokenizedRow> rows, long seed) =>
        [.. new Pcg64(seed).Permutation(rows.Count).Select(i => rows[i])];
}
