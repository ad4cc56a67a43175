using LoraSharp.Samples.Pretrain;

var docs = CorpusBuilder.Build(1);
File.WriteAllText("/tmp/draft/corpus.txt", string.Join("\n\n", docs));
var bpe = BpeTrainer.Train(docs, 1024, TokenizerFiles.SpecialTokens);
TokenizerFiles.Write("/tmp/draft/tok", bpe, 512);
Console.WriteLine($"{docs.Count} {docs.Sum(d => d.Length)} {bpe.Tokens.Count}");
