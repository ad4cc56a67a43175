using System.Text.Json;
using LoraSharp.Data;
using LoraSharp.Tests.Golden;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Data;

public class SftDataGoldenTests
{
    [Theory]
    [GoldenCases("sft-data")]
    public void Golden(string name)
    {
        var c = new GoldenCase("sft-data", name);
        c.RequireKnownParameters(
            "dataset_text_field", "max_length", "truncation_mode", "packing", "packing_strategy", "padding_free", "pad_to_multiple_of",
            "completion_only_loss", "assistant_only_loss", "eos_token", "per_device_train_batch_size", "chat_template");
        T Get<T>(string key) => c.Parameters.GetProperty(key).Deserialize<T>()!;
        var options = new PreparationOptions
        {
            TextColumn = Get<string>("dataset_text_field"),
            MaxLength = Get<int?>("max_length"),
            TruncationMode = Get<TruncationMode>("truncation_mode"),
            Packing = Get<bool>("packing"),
            PackingStrategy = Get<PackingStrategy>("packing_strategy"),
            PaddingFree = Get<bool>("padding_free"),
            PadToMultipleOf = Get<int?>("pad_to_multiple_of"),
            CompletionOnlyLoss = Get<bool?>("completion_only_loss"),
            AssistantOnlyLoss = Get<bool>("assistant_only_loss"),
        };
        Dataset data = Dataset.FromRows(c.Inputs.GetProperty("rows").EnumerateArray());
        if (c.Expected.GetProperty("error").GetString() is not null)
        {
            Exception error = Assert.ThrowsAny<Exception>(
                () => RowPreparation.Prepare(data, new TokenizerRowEncoder(LoadTokenizer(c)), options, cancellationToken: TestContext.Current.CancellationToken));
            Assert.True(error is ArgumentException or InvalidDataException, error.ToString());
            return;
        }

        Tokenizer tokenizer = LoadTokenizer(c);
        Assert.Equal(c.Expected.GetProperty("pad_token_id").GetInt32(), tokenizer.PadId ?? tokenizer.EosId);
        Check(c, options, data, new TokenizerRowEncoder(tokenizer), Get<int>("per_device_train_batch_size"));
    }

    private static Tokenizer LoadTokenizer(GoldenCase c)
    {
        Tokenizer tokenizer = Tokenizer.Load(c.ModelFolder());
        if (c.Parameters.GetProperty("chat_template").GetString() is { } template)
        {
            tokenizer.ChatTemplateSource = template;
        }

        if (c.Parameters.GetProperty("eos_token").GetString() is { } eos)
        {
            tokenizer.SetSpecialToken("eos_token", tokenizer.TokenToId(eos) is null ? throw new ArgumentException($"'{eos}' is not a token.") : eos);
        }

        return tokenizer;
    }

    private static void Check(GoldenCase c, PreparationOptions options, Dataset data, IRowEncoder encoder, int batchSize)
    {
        if (c.Expected.GetProperty("tokenized") is { ValueKind: JsonValueKind.Array } tokenized)
        {
            EncodedRow[] encoded = [.. RowPreparation.Encode(data, encoder, options, cancellationToken: TestContext.Current.CancellationToken)];
            Assert.Equal(tokenized.GetArrayLength(), encoded.Length);
            for (int i = 0; i < encoded.Length; i++)
            {
                Assert.Equal(Ints(tokenized[i], "input_ids"), encoded[i].InputIds);
                Assert.Equal(Ints(tokenized[i], "completion_mask"), Flags(encoded[i].CompletionMask));
                Assert.Equal(Ints(tokenized[i], "assistant_masks"), Flags(encoded[i].AssistantMask));
            }
        }

        PreparedRows prepared = RowPreparation.Prepare(data, encoder, options, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(c.Expected.GetProperty("completion_only_loss").GetBoolean(), prepared.CompletionOnly);
        Assert.Equal(c.Expected.GetProperty("padding_free").GetBoolean(), options.ResolvedPaddingFree);
        JsonElement rows = c.Expected.GetProperty("rows");
        Assert.Equal(rows.GetArrayLength(), prepared.Rows.Count);
        for (int i = 0; i < prepared.Rows.Count; i++)
        {
            Assert.Equal(Ints(rows[i], "input_ids"), prepared.Rows[i].InputIds);
            Assert.Equal(Ints(rows[i], "labels"), prepared.Rows[i].Labels);
            Assert.Equal(Ints(rows[i], "seq_lengths"), prepared.Rows[i].SequenceLengths);
        }

        var collator = new BatchCollator(c.Expected.GetProperty("pad_token_id").GetInt32(), options.ResolvedPaddingFree, options.PadToMultipleOf);
        JsonElement batches = c.Expected.GetProperty("batches");
        TokenizedRow[][] chunks = [.. prepared.Rows.Chunk(batchSize)];
        Assert.Equal(batches.GetArrayLength(), chunks.Length);
        for (int i = 0; i < chunks.Length; i++)
        {
            using Batch batch = collator.Collate(chunks[i]);
            CheckBatch(batches[i], batch);
        }
    }

    private static void CheckBatch(JsonElement expected, Batch batch)
    {
        string[] known = ["input_ids", "labels", "attention_mask", "position_ids", "cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k", "seq_idx"];
        Assert.Empty(expected.EnumerateObject().Select(property => property.Name).Except(known));
        CheckTensor(expected, "input_ids", batch.InputIds);
        CheckTensor(expected, "labels", batch.Labels);
        CheckTensor(expected, "attention_mask", batch.AttentionMask);
        CheckTensor(expected, "position_ids", batch.PositionIds);
        Assert.Equal(batch.Labels.narrow(1, 1, batch.Labels.size(1) - 1).ne(TokenizedRow.Ignored).sum().item<long>(), batch.LabelCount);
        if (batch.SequenceStarts is not { } starts)
        {
            Assert.False(expected.TryGetProperty("cu_seq_lens_q", out _));
            return;
        }

        int[] lengths = [.. starts.Zip(starts.Skip(1), (start, end) => end - start)];
        Assert.Equal(Ints(expected, "cu_seq_lens_q"), starts);
        Assert.Equal(Ints(expected, "cu_seq_lens_k"), starts);
        Assert.Equal(expected.GetProperty("max_length_q").GetInt32(), lengths.Max());
        Assert.Equal(expected.GetProperty("max_length_k").GetInt32(), lengths.Max());
        int[] owners = [.. lengths.SelectMany((length, i) => Enumerable.Repeat(i, length))];
        Assert.Equal(expected.GetProperty("seq_idx")[0].Deserialize<int[]>(), owners);
    }

    private static void CheckTensor(JsonElement expected, string name, Tensor? actual)
    {
        if (!expected.TryGetProperty(name, out JsonElement rows))
        {
            Assert.Null(actual);
            return;
        }

        Assert.NotNull(actual);
        Assert.Equal(ScalarType.Int64, actual.dtype);
        Assert.Equal(rows.GetArrayLength(), actual.size(0));
        for (int i = 0; i < rows.GetArrayLength(); i++)
        {
            Assert.Equal(rows[i].Deserialize<long[]>()!, actual[i].data<long>().ToArray());
        }
    }

    private static int[]? Ints(JsonElement parent, string name) => parent.TryGetProperty(name, out JsonElement values) ? values.Deserialize<int[]>() : null;

    private static int[]? Flags(bool[]? mask) => mask is null ? null : [.. mask.Select(flag => flag ? 1 : 0)];
}
