namespace LoraSharp.Data;

/// <summary>
/// From the rows of a data set to rows to train on, as TRL's SFTTrainer does it: form, end of sequence, tokens, labels, then cutting and dropping,
/// or packing. Rows pass through one by one, into memory or into a cache file.
/// </summary>
internal static class RowPreparation
{
    /// <summary>Prepares a data set.</summary>
    /// <param name="data">The rows; the first one decides their form.</param>
    /// <param name="encoder">The tokenizer; null when all rows are tokenised already.</param>
    /// <param name="options">What becomes of the rows.</param>
    /// <param name="work">How the work is done; null: with a thread for each processor, and nothing kept.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ArgumentException">The options do not fit together or to the rows.</exception>
    /// <exception cref="InvalidDataException">A row cannot be used; the message names it.</exception>
    public static PreparedRows Prepare(
        Dataset data, IRowEncoder? encoder, PreparationOptions options, DataPreparationOptions? work = null, CancellationToken cancellationToken = default)
    {
        work ??= new DataPreparationOptions();
        options.Validate();
        work.Validate();
        bool completionOnly = options.CompletionOnlyLoss ?? RowForms.IsPair(data.RequireRows()[0]);
        int dropped = 0;
        IReadOnlyList<TokenizedRow> rows;
        if (work.CacheFolder is { } folder)
        {
            string path = Path.Combine(folder, $"tokens-{Name(data, encoder, options, cancellationToken)}.cache");
            if (TokenizedRowFile.Open(path, cancellationToken) is not { } file)
            {
                TokenizedRowFile.Write(path, Rows(), () => dropped);
                file = TokenizedRowFile.Open(path, cancellationToken)
                    ?? throw new IOException($"The cache file '{path}' cannot be read after it was written: something else changed it, or the disk fails.");
            }

            (rows, dropped) = (file, file.Dropped);
        }
        else
        {
            rows = [.. Rows()];
        }

        if (options.ShuffleSeed is { } seed)
        {
            rows = new ShuffledRows(rows, new Pcg64(seed).Permutation(rows.Count));
        }

        return new PreparedRows(rows, completionOnly, dropped);

        IEnumerable<TokenizedRow> Rows()
        {
            IEnumerable<TokenizedRow> tokenized = Encode(data, encoder, options, work, cancellationToken).Select(row => row.ToTrainingRow(completionOnly));
            return options.Packing
                ? RowPacking.Pack(tokenized, options.MaxLength!.Value, options.PackingStrategy)
                : Cut(tokenized, options, () => dropped++);
        }
    }

    /// <summary>The tokens and masks of each row; shuffled where they are to be packed after that.</summary>
    public static IEnumerable<EncodedRow> Encode(
        Dataset data, IRowEncoder? encoder, PreparationOptions options, DataPreparationOptions? work = null, CancellationToken cancellationToken = default)
    {
        work ??= new DataPreparationOptions();
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

        int[]? order = options is { Packing: true, ShuffleSeed: { } seed } ? new Pcg64(seed).Permutation(source.Count) : null;
        var encoding = new RowEncoding(form, encoder!, options);
        return OrderedWork.Run(order is null ? source : order.Select(place => source[place]), EncodeRow, work.Workers, work.Progress, cancellationToken);

        EncodedRow EncodeRow(DataRow row, int place)
        {
            try
            {
                return encoding.Encode(row);
            }
            catch (Exception exception)
            {
                throw new InvalidDataException($"'{data.Source}', row {order?[place] ?? place} (the first is 0): {exception.Message}", exception);
            }
        }
    }

    // Everything that the rows depend on; the order after packing and cutting is not part of the file.
    private static string Name(Dataset data, IRowEncoder? encoder, PreparationOptions options, CancellationToken cancellationToken)
    {
        using var fingerprint = new Fingerprint("tokens");
        encoder?.Describe(fingerprint);
        PreparationOptions stored = options with { ShuffleSeed = options.Packing ? options.ShuffleSeed : null };
        return fingerprint.Add(stored.ToString()).Add(data, cancellationToken).Name();
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

    private static IEnumerable<TokenizedRow> Cut(IEnumerable<TokenizedRow> rows, PreparationOptions options, Action dropped)
    {
        foreach (TokenizedRow row in rows)
        {
            if (options.MaxLength is not { } length)
            {
                yield return row;
                continue;
            }

            TokenizedRow cut = row.Length <= length ? row : row.Slice(options.TruncationMode == TruncationMode.KeepStart ? ..length : ^length..);
            if (cut.HasLabels)
            {
                yield return cut;
            }
            else
            {
                dropped();
            }
        }
    }
}
