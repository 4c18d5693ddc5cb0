// LibTorch-Lite speaks C++ only: this and TorchModule.mm make it callable from Swift (name it in the bridging header).
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

@interface TorchModule : NSObject
- (nullable instancetype)initWithPath:(NSString *)path;
/// `bytes`: `data` holds uint8 values, else float ones.
- (nullable NSArray<NSNumber *> *)forward:(void *)data shape:(NSArray<NSNumber *> *)shape bytes:(BOOL)bytes;
@end

NS_ASSUME_NONNULL_END
