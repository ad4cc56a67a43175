using LoraSharp.CrashHost;
using LoraSharp.Data;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;

namespace LoraSharp.Tests.Training;

public class SftOptionsTests
{
    private static string ModelFolder => GoldenFolder.ModelFolder("llama-tiny")!;

    [Fact]
    public void Rows_are_cut_at_the_end_that_was_asked_for()
    {
        Tokenizer tokenizer = Tokenizer.Load(ModelFolder);
        SftOptions options = TinyTraining.Options("unused", 1) with { MaxLength = 6, CompletionOnlyLoss = false };
        int[] start = Ids(options), end = Ids(options with { TruncationMode = TruncationMode.KeepEnd });
        Assert.Equal((6, 6), (start.Length, end.Length));
        Assert.NotEqual(tokenizer.EosId, start[^1]);
        Assert.Equal(tokenizer.EosId, end[^1]);

        int[] Ids(SftOptions options) => SftRows.Prepare(tokenizer, TinyTraining.Rows(1), options, default)[0].InputIds.ToArray();
    }

    [Fact]
    public void Another_token_can_end_the_rows()
    {
        Tokenizer tokenizer = Tokenizer.Load(ModelFolder);
        string other = tokenizer.IdToToken(5)!;
        SftOptions options = TinyTraining.Options("unused", 1) with { EosToken = other };
        Assert.Equal(5, SftRows.Prepare(tokenizer, TinyTraining.Rows(1), options, default)[0].InputIds[^1]);
        Assert.Equal(other, tokenizer.EosToken);
        Assert.Contains(
            "'no such token'", Assert.Throws<TrainingException>(() => SftRows.Prepare(tokenizer, TinyTraining.Rows(1), options with { EosToken = "no such token" }, default)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_are_shuffled_and_evaluation_rows_are_not()
    {
        Tokenizer tokenizer = Tokenizer.Load(ModelFolder);
        SftOptions options = TinyTraining.Options("unused", 1), shuffled = options with { ShuffleDataset = true };
        Assert.NotEqual(Rows(options), Rows(shuffled));
        Assert.Equal(Rows(options).Order(StringComparer.Ordinal), Rows(shuffled).Order(StringComparer.Ordinal));
        Assert.Equal(Rows(shuffled), Rows(shuffled));
        Assert.NotEqual(Rows(shuffled), Rows(shuffled with { Seed = 1 }));
        Assert.Equal(Rows(options), Texts(SftRows.PrepareEval(tokenizer, TinyTraining.Rows(), shuffled, default)[0].Rows));

        string[] Rows(SftOptions options) => Texts(SftRows.Prepare(tokenizer, TinyTraining.Rows(), options, default));

        static string[] Texts(IReadOnlyList<TokenizedRow> rows) => [.. rows.Select(row => string.Join(",", row.InputIds))];
    }

    [Fact]
    public void Evaluation_rows_are_packed_as_the_options_say()
    {
        Tokenizer tokenizer = Tokenizer.Load(ModelFolder);
        SftOptions options = TinyTraining.Options("unused", 1) with { Packing = true, MaxLength = 100 };
        Assert.InRange(Count(options), 1, 19);
        Assert.Equal(20, Count(options with { EvalPacking = false }));

        int Count(SftOptions options) => SftRows.PrepareEval(tokenizer, TinyTraining.Rows(), options, default)[0].Rows.Count;
    }

    [Fact]
    public void A_row_longer_than_the_learned_positions_is_named_before_training()
    {
        using CausalLM model = CausalLM.Load(GoldenFolder.ModelFolder("gpt2")!);
        int longest = model.Config.Integer("n_positions");
        TokenizedRow good = new(Enumerable.Repeat(3, longest).ToArray(), Enumerable.Repeat(3, longest).ToArray()), bad = new([.. good.InputIds, 4], [.. good.Labels, 4]);
        SftOptions options = TinyTraining.Options("unused", 1) with { MaxLength = null };
        _ = new SftTrainer(model, null, [good], null, options);
        string message = Assert.Throws<InvalidDataException>(() => new SftTrainer(model, null, [good, bad], null, options)).Message;
        Assert.Contains($"Row 1 of the training data has {longest + 1} tokens", message, StringComparison.Ordinal);
        Assert.Contains($"MaxLength to {longest}", message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => new SftTrainer(model, null, [good], [bad], options));
    }
}
